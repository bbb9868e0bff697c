# SPDX-License-Identifier: LGPL-3.0-or-later
"""Is model_devi.out what DeePMD-kit's pair style writes, to the printed digits (dp-gen reads it)?
Do the overflow policies do what they say?"""

from __future__ import annotations

import lammps_runs as lmp
import numpy as np
import pytest
from dponnx import compress
from dponnx.converter import convert_to_bytes
from toy_model import toy_model

pytestmark = pytest.mark.usefixtures("lammps", "ort")

# Options of pair_style, units, and pair_coeff's types.
OPTIONS = {
    "atomic": ("atomic out_freq 1", "metal", "O H"),
    "relative": ("relative 1.0 relative_v 0.5 out_freq 2", "metal", "O H"),
    "real": ("out_freq 2 relative 0.3 atomic", "real", "O H"),
    "null": ("out_freq 1 atomic", "real", "NULL H"),
}


@pytest.fixture(scope="module")
def folder(shared, fixture_dir, tmp_path_factory):
    """Two models of water, their originals, and 192 atoms."""
    folder = tmp_path_factory.mktemp("devi")
    graphs = [
        fixture_dir / "sea_small_2side" / "graph.pb",
        shared / "models" / "sea_gelu" / "graph.pb",
    ]
    for name, graph in zip("ab", graphs, strict=True):
        (folder / f"{name}.onnx").write_bytes(convert_to_bytes(graph))
        (folder / f"{name}.pb").symlink_to(graph.resolve())
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as data:
        coord, atype, box = (data[f"bulk_{k}"] for k in ("coord", "atype", "box"))
    lmp.write_data(folder / "w.data", coord[0].reshape(-1, 3), atype, box[0].reshape(3, 3))
    return folder


def simulate(folder, style: str, models: str, peer: bool = False) -> dict[str, str]:
    """model_devi.out of each of OPTIONS, written on two ranks."""
    script = ""
    for name, (options, units, types) in OPTIONS.items():
        head = lmp.HEAD.format(boundary="p p p", data="w.data").replace("metal", units)
        script += f"clear\n{head}pair_style {style} {models} out_file {style}.{name} {options}\n"
        script += f"pair_coeff * * {types}\nvelocity all create 330 7 loop geom\nfix 1 all nve\n"
        script += f"timestep {0.5 if units == 'real' else 0.0005}\nrun 2\n"
    lmp.run(folder, script, ranks=2, peer=peer)
    return {name: (folder / f"{style}.{name}").read_text() for name in OPTIONS}


def test_it_is_what_deepmd_kit_writes(folder, deepmd):
    theirs = simulate(folder, "deepmd", "a.pb b.pb", peer=True)
    ours = simulate(folder, "dponnx", "a.onnx b.onnx")
    for name in OPTIONS:
        expected, found = theirs[name].splitlines(), ours[name].splitlines()
        assert found[0] == expected[0]
        assert [len(line) for line in found] == [len(line) for line in expected]
        values = [
            np.array([line.split() for line in x[1:]], dtype=float) for x in (found, expected)
        ]
        assert values[0].shape == (2 if "freq 2" in OPTIONS[name][0] else 3, values[1].shape[1])
        # Seven digits are printed: sums in another order may change the last one.
        np.testing.assert_allclose(*values, rtol=1.1e-6, atol=0, err_msg=name)


def test_no_lines_without_frequency_or_second_model(tmp_path):
    (tmp_path / "toy.onnx").write_bytes(toy_model())
    coord = np.array([[1.0, 1, 1], [2, 1, 1]])
    lmp.write_data(tmp_path / "two.data", coord, np.array([0, 1]), 9 * np.eye(3))
    head = lmp.HEAD.format(boundary="p p p", data="two.data")
    for models in ("toy.onnx", "toy.onnx toy.onnx out_freq 0"):
        lmp.run(tmp_path, f"{head}pair_style dponnx {models}\npair_coeff * * O H\nrun 1\n")
        assert not (tmp_path / "model_devi.out").exists()


def test_ranks_without_atoms_change_nothing(tmp_path):
    (tmp_path / "toy.onnx").write_bytes(toy_model())
    (tmp_path / "half.onnx").write_bytes(toy_model(scale=0.5))
    coord = np.array([[1.0, 1, 1], [2, 1, 1]])
    lmp.write_data(tmp_path / "two.data", coord, np.array([0, 1]), 9 * np.eye(3))
    style = "pair_style dponnx toy.onnx half.onnx out_freq 1 atomic\npair_coeff * * O H\n"
    script = lmp.HEAD.format(boundary="p p p", data="two.data") + style + "fix 1 all nve\nrun 3\n"
    found = []
    for ranks in (1, 3):
        output = lmp.run(tmp_path, script, ranks)
        found.append((tmp_path / "model_devi.out").read_text())
    assert "0 min" in next(x for x in output.splitlines() if x.startswith("Nlocal"))
    assert found[0] == found[1] and len(found[0].splitlines()) == 5


@pytest.fixture(scope="module")
def checked(fixture_dir, tmp_path_factory):
    """A model that checks every evaluation, and two atoms far nearer than its training data's."""
    folder = tmp_path_factory.mktemp("overflow")
    compress(fixture_dir / "sea_small_2side" / "graph.pb", folder / "m.pb", step=0.05, frequency=1)
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as data:
        coord, atype, box = (data[f"close_{k}"] for k in ("coord", "atype", "box"))
    coord = coord[0].reshape(-1, 3).astype(float)
    coord[1] = coord[0] + [0.1, 0, 0]
    lmp.write_data(folder / "w.data", coord, atype, box[0].reshape(3, 3))
    return folder


@pytest.mark.parametrize("policy", ["ignore", "", "warn", "error"])
def test_overflow(checked, policy):
    head = lmp.HEAD.format(boundary="p p p", data="w.data")
    style = f"pair_style dponnx m.onnx {policy and 'overflow ' + policy}\npair_coeff * * O H\n"
    done = lmp.launch(checked, head + style + "run 0\nrun 0\n", ranks=2)
    lines = [x for x in done.stdout.splitlines() if "Pair style dponnx: m.onnx: " in x]
    if policy == "ignore":
        assert done.returncode == 0 and not lines
        return
    assert (done.returncode != 0) == (policy == "error")
    assert 1 <= len(lines) <= 2  # once a rank that finds it
    for line in lines:
        assert ("ERROR on proc" if policy == "error" else "WARNING") in line
        assert "outside the table of O-O" in line and "closer than" in line

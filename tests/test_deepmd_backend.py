# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do DeePMD-kit's own classes and commands, and dpdata, run on our files?"""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from deepmd_tools import dp_model_devi, dp_test
from dponnx import DeepPot, compress
from dponnx.runtime.errors import InputError, UnsupportedModelError
from random_model import random_model, random_system
from test_systems import write_system
from tolerances import CALCULATOR

CLASSES = {"dipole": "DeepDipole", "polar": "DeepPolar", "dos": "DeepDOS"}


def dp(*arguments: object) -> subprocess.CompletedProcess:
    """The command dp, as installed."""
    command = [Path(sys.executable).with_name("dp"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def frames():
    coord, box, atype = random_system(2, 30, 3)
    moved = coord + 0.02 * np.random.default_rng(1).normal(size=coord.shape)
    return np.stack([coord, moved]), np.stack([box, box]), atype


def test_the_suffix_is_ours(deepmd):
    from deepmd.backend.backend import Backend

    assert Backend.detect_backend_by_model("X.onnx").name == "dponnx"
    others = (b for b in Backend.get_backends().values() if b.name != "dponnx")
    assert not any(b.match_filename("X.onnx") for b in others)


def test_plugins_import_little(deepmd):
    """They are loaded whenever DeePMD-kit or dpdata starts."""
    pytest.importorskip("dpdata", reason="dpdata is not installed (extra 'dpdata')")
    script = """
import sys, dponnx.runtime.deepmd_backend, dponnx.runtime.dpdata_driver
print(*sorted(n for n in sys.modules if n.startswith(("dponnx.", "onnx", "tensorflow"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    ours = "dponnx.runtime dponnx.runtime.{} dponnx.runtime.{} dponnx.runtime.{}"
    assert done.stdout.strip() == ours.format("deepmd_backend", "dpdata_driver", "errors")


@pytest.mark.parametrize("atomic", [False, True])
def test_deepmds_deeppot_gives_the_same_numbers(two_models, deepmd, frames, atomic):
    coord, box, atype = frames
    for cells in (box, None):
        ours = deepmd.DeepPot(str(two_models.onnx[0])).eval(coord, cells, atype, atomic)
        theirs = deepmd.DeepPot(str(two_models.pb[0])).eval(coord, cells, atype, atomic)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, **CALCULATOR)


def test_deepmds_interface(two_models, deepmd):
    ours, theirs = (deepmd.DeepPot(str(m[0])) for m in (two_models.onnx, two_models.pb))
    for name in (
        "get_rcut get_ntypes get_type_map get_dim_fparam get_dim_aparam get_ntypes_spin "
        "get_model_def_script"
    ).split():
        assert getattr(ours, name)() == getattr(theirs, name)(), name
    assert isinstance(ours.deep_eval.get_model(), DeepPot)
    assert type(deepmd.DeepEval(str(two_models.onnx[0]))) is type(theirs)
    with pytest.raises(UnsupportedModelError, match="do not give descriptors"):
        ours.eval_descriptor(np.zeros((1, 3)), None, [0])
    with pytest.raises(InputError, match="takes no efield"):
        ours.eval(np.zeros((1, 3)), None, [0], efield=np.zeros(3))
    with pytest.raises(InputError, match="model type is ener; open it with deepmd.infer's DeepPot"):
        import_module("deepmd.infer.deep_dos").DeepDOS(str(two_models.onnx[0]))


@pytest.mark.parametrize("kind", CLASSES)
def test_deepmds_tensor_classes(converter, operators, deepmd, tmp_path, frames, kind):
    descriptor = {"type": "se_e2_a", "neuron": [4, 8, 8], "axis_neuron": 3, "sel": [20, 20]}
    fitting = {"type": kind, **({"numb_dos": 5} if kind == "dos" else {})}
    graph = random_model(tmp_path / "graph.pb", 2, descriptor, fitting, seed=3)
    report = compress(graph, tmp_path / "c.pb")
    peer = getattr(import_module(f"deepmd.infer.deep_{kind}"), CLASSES[kind])
    ours, theirs = peer(str(report.onnx)), peer(str(report.output))
    if kind != "dos":
        assert list(ours.get_sel_type()) == list(theirs.get_sel_type())
    coord, box, atype = frames
    for method in ("eval", *(["eval_full"] if kind != "dos" else [])):
        for atomic in (False, True):
            found, expected = (
                getattr(model, method)(coord, box, atype, atomic=atomic) for model in (ours, theirs)
            )
            for a, b in zip(np_tuple(found), np_tuple(expected), strict=True):
                assert a.shape == b.shape
                np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11)


def np_tuple(result) -> tuple[np.ndarray, ...]:
    return result if isinstance(result, tuple) else (result,)


def test_dp_test(two_models, deepmd, fixture_dir, tmp_path):
    """The command itself on our file, against the same graph in DeePMD-kit."""
    system = fixture_dir / "water"
    done = dp("test", "-m", two_models.onnx[0], "-s", system, "-n", 2, "-d", tmp_path / "ours")
    assert done.returncode == 0, done.stderr
    lines = [line.partition("INFO")[2][4:] for line in done.stderr.splitlines()]
    expected = dp_test(two_models.pb[0], system, numb_test=2, detail_file=str(tmp_path / "theirs"))
    assert len(expected) == 19 and lines[-19:] == expected
    ours, theirs = (np.loadtxt(tmp_path / f"{name}.f.out") for name in ("ours", "theirs"))
    np.testing.assert_allclose(ours, theirs, **CALCULATOR)


def test_dp_model_devi(two_models, deepmd, fixture_dir, tmp_path):
    for pair in (two_models.onnx, two_models.pb):
        dp_model_devi(pair, fixture_dir / "water", tmp_path / pair[0].suffix)
    ours, theirs = ((tmp_path / suffix).read_text() for suffix in (".onnx", ".pb"))
    assert ours == theirs and len(ours.splitlines()) == 12


def test_deepmds_calculator(two_models, deepmd):
    ase = pytest.importorskip("ase", reason="ase is not installed (extra 'ase')")
    from deepmd.calculator import DP

    atoms = ase.Atoms("OHH", positions=[[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    energies = []
    for model in (two_models.onnx[0], two_models.pb[0]):
        atoms.calc = DP(model)
        energies.append(atoms.get_potential_energy())
    np.testing.assert_allclose(*energies, **CALCULATOR)


def test_dp_show_reads_the_training_script(two_models, deepmd):
    done = dp("show", two_models.onnx[0], "type-map", "descriptor")
    assert done.returncode == 0 and "The type_map is ['O', 'H']" in done.stderr
    assert "'rcut': 4.5" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "MODEL", "size"], "do not give the number of their parameters"),
        (["convert-backend", "MODEL", "x.dp"], "an ONNX model cannot be converted back"),
        (["test", "-m", "nothing.onnx", "-s", "SYSTEM"], "nothing.onnx: no such file"),
    ],
)
def test_what_dp_cannot_do_is_one_line(two_models, deepmd, fixture_dir, arguments, says):
    words = {"MODEL": str(two_models.onnx[0]), "SYSTEM": str(fixture_dir / "water")}
    done = dp(*(words.get(word, word) for word in arguments))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    [line] = [line for line in done.stderr.splitlines() if line.startswith("dp: error: ")]
    assert says in line


def test_dp_convert_backend_writes_our_files(two_models, deepmd, frames, tmp_path):
    from deepmd.tf.utils.serialization import serialize_from_file
    from dponnx.runtime.deepmd_backend import write_model

    write_model(str(tmp_path / "x.onnx"), serialize_from_file(str(two_models.original)))
    coord, box, atype = frames
    found = DeepPot(tmp_path / "x.onnx").eval(coord, box, atype)
    expected = deepmd.DeepPot(str(two_models.original)).eval(coord, box, atype)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, **CALCULATOR)
    with pytest.raises(InputError, match="DeePMD-kit does not write this model"):
        write_model(str(tmp_path / "y.onnx"), {"model": {"type": "nonsense"}})
    assert not (tmp_path / "y.onnx").exists()


def test_dpdata_labels_with_our_files(two_models, deepmd, tmp_path):
    dpdata = pytest.importorskip("dpdata", reason="dpdata is not installed (extra 'dpdata')")
    assert [e.name for e in entry_points(group="dpdata.plugins") if "dponnx" in e.value] == [
        "dponnx"
    ]
    # Names in another order than the model's, and one that no atom has.
    path = write_system(tmp_path / "a", types=(0, 0, 1, 0), names="H O Xe")
    system = dpdata.System(str(path), fmt="deepmd/npy")
    found = system.predict(str(two_models.onnx[0]), driver="dponnx")
    assert len(found) == 2 and found["atom_names"] == system["atom_names"]
    expected = DeepPot(two_models.onnx[0]).eval(system["coords"], system["cells"], [1, 1, 0, 1])
    np.testing.assert_array_equal(found["energies"], expected[0][:, 0])
    np.testing.assert_array_equal(found["forces"], expected[1])
    np.testing.assert_array_equal(found["virials"].reshape(2, 9), expected[2])
    alone = dpdata.System(
        str(write_system(tmp_path / "b", types=(0, 1, 1), nopbc=True)), fmt="deepmd/npy"
    )
    energy = alone.predict(DeepPot(two_models.onnx[0]), driver="dponnx")["energies"]
    wanted = DeepPot(two_models.onnx[0]).eval(alone["coords"], None, [0, 1, 1])[0]
    np.testing.assert_array_equal(energy, wanted[:, 0])
    strange = dpdata.System(
        str(write_system(tmp_path / "c", names="O H C", types=(0, 2))), fmt="deepmd/npy"
    )
    with pytest.raises(InputError, match="no type for C; it has O H"):
        strange.predict(str(two_models.onnx[0]), driver="dponnx")

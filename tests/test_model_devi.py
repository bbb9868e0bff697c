# SPDX-License-Identifier: LGPL-3.0-or-later
"""Is `dponnx model-devi`'s file DeePMD-kit's, to the last digit?"""

from __future__ import annotations

import numpy as np
import pytest
from deepmd_tools import dp_model_devi
from dponnx.runtime.cli import main
from dponnx.runtime.errors import InputError
from dponnx.runtime.model_devi import DeviationOptions, model_devi, spread
from test_systems import write_system
from toy_model import toy_model


@pytest.fixture
def system(tmp_path, fixture_dir):
    """Two sets of water with labels, and one frame of them."""
    source = fixture_dir / "water"
    types = np.loadtxt(source / "type.raw", dtype=int)
    arrays = {f.stem: np.load(f) for f in (source / "set.000").glob("*.npy")}
    arrays["virial"] = np.random.default_rng(1).normal(scale=30, size=(10, 9))
    path = write_system(tmp_path / "data" / "many", types=types, sets=(10,), **arrays)
    for folder, frames in (("set.000", slice(0, 2)), ("set.001", slice(2, 5))):
        (path / folder).mkdir(exist_ok=True)
        for name, array in arrays.items():
            np.save(path / folder / f"{name}.npy", array[frames])
    return path


OPTIONS = [
    {},
    {"frequency": 50, "atomic": True},
    {"relative": 0.5, "atomic": True},
    {"real_error": True},
    {"real_error": True, "relative": 1.0},
]


def test_files_are_deepmds(two_models, deepmd, system, tmp_path):
    ours, theirs = tmp_path / "ours.out", tmp_path / "theirs.out"
    for options in OPTIONS:
        model_devi(two_models.onnx, system, ours, DeviationOptions(**options))
        dp_model_devi(two_models.pb, system, theirs, **options)
    assert ours.read_text() == theirs.read_text()
    assert len(ours.read_text().splitlines()) == 7 * len(OPTIONS), "appended, as DeePMD-kit does"


def test_relative_virials_of_one_frame_are_deepmds(two_models, deepmd, system, tmp_path):
    """DeePMD-kit 3.2 fails for several frames with --relative_v."""
    for path in system.glob("set.000/*.npy"):
        np.save(path, np.load(path)[:1])
    for path in sorted(system.glob("set.001/*")):
        path.unlink()
    (system / "set.001").rmdir()
    ours, theirs = tmp_path / "ours.out", tmp_path / "theirs.out"
    for real_error in (False, True):
        options = {"relative_v": 0.1, "real_error": real_error}
        model_devi(two_models.onnx, system, ours, DeviationOptions(**options))
        dp_model_devi(two_models.pb, system, theirs, **options)
    assert ours.read_text() == theirs.read_text()


def test_relative_deviations_of_several_frames_are_those_of_each():
    values = np.random.default_rng(2).normal(size=(3, 4, 9))
    expected = [spread(values[:, k : k + 1], level=0.1)[0] for k in range(4)]
    np.testing.assert_array_equal(spread(values, level=0.1), expected)


def test_spread():
    values = np.array([[[3.0, 4.0]], [[3.0, 0.0]]])
    np.testing.assert_array_equal(spread(values), [[0, 2]])
    np.testing.assert_array_equal(spread(values, np.array([[3.0, 1.0]])), [[0, np.sqrt(5)]])
    np.testing.assert_allclose(spread(values, level=1.0), [[0, 2 / (np.sqrt(13) + 1)]])


@pytest.fixture
def toys(ort, tmp_path):
    """Two pair potentials and one of another type map."""
    for name, options in {
        "graph.000": {},
        "graph.001": {"scale": 1.5},
        "other": {"type_map": "H O"},
    }.items():
        (tmp_path / f"{name}.onnx").write_bytes(toy_model(**options))
    return tmp_path


def test_the_command(toys, tmp_path, capsys, monkeypatch):
    write_system(tmp_path / "data" / "a")
    write_system(tmp_path / "data" / "b", sets=(1, 2))
    monkeypatch.chdir(tmp_path)
    command = ["model-devi", "-m", "graph.000", "graph.001", "-s", "data", "-f", "5", "-v", "ERROR"]
    assert main([*command, "-o", "devi"]) == 0
    text = (tmp_path / "devi").read_text().splitlines()
    assert [line[:12] for line in text if line[0] == "#"][::2] == ["# data/a", "# data/b"]
    rows = np.loadtxt(tmp_path / "devi")
    np.testing.assert_array_equal(rows[:, 0], [0, 5, 0, 5, 10])
    assert (rows[:, 4] > 0).all()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "graph.002.onnx: no such file"),
        (["-m", "graph.000", "other"], "other.onnx: type map H O, but graph.000.onnx has O H"),
        (["-m", "graph.000", "-o", "no/where"], "no: no such folder"),
        (["-m", "graph.000", "-s", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_wrong_usage_is_one_line(toys, capsys, monkeypatch, options, says):
    write_system(toys / "a")
    monkeypatch.chdir(toys)
    assert main(["model-devi", *options, "-v", "ERROR"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("dponnx model-devi: error: ") and line.count("\n") == 1 and says in line
    assert not (toys / "model_devi.out").exists()


def test_a_failing_system_leaves_no_file(toys, tmp_path):
    write_system(tmp_path / "data" / "a")
    write_system(tmp_path / "data" / "b", names="C N")
    models = [toys / "graph.000.onnx", toys / "graph.001.onnx"]
    with pytest.raises(InputError, match="'C' is not in the model's type map"):
        model_devi(models, tmp_path / "data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_labels_and_a_single_model_are_pointed_out(toys, tmp_path, caplog):
    path = write_system(tmp_path / "a")
    model_devi([toys / "graph.000.onnx"], path)
    assert "one model does not deviate from itself" in caplog.text
    model_devi([toys / "graph.000.onnx"], path, options=DeviationOptions(real_error=True))
    assert (
        "no energy.npy, force.npy, virial.npy: real errors of it are against zeros" in caplog.text
    )

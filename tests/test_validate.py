# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does validate measure the difference of two models, and fail when it should?"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from dponnx.runtime.errors import InputError, ValidationError
from dponnx.runtime.validate import Errors, validate
from test_systems import write_system
from toy_model import toy_model

SCALE = 1 + 1e-4


@pytest.fixture
def models(toy_path, tmp_path):
    """Two files: the toy model, and the same with energies larger by 1e-4."""
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(toy_model(scale=SCALE))
    return toy_path, changed


@pytest.fixture
def systems(tmp_path):
    """Two systems without labels; the second mixes types and has a virtual atom."""
    one = write_system(tmp_path / "systems" / "one", types=(0, 1, 1, 0), sets=(2, 1))
    types = np.array([[0, 1, -1], [1, 1, 0]])
    write_system(tmp_path / "systems" / "two", types=(0,) * 3, real_atom_types=types)
    return one.parent


def test_identical_models_pass(models, systems):
    report = validate(models[0], models[0], systems)
    report.check()
    assert report.passed and report.worst.force == Errors(0.0, 0.0, 0.0)
    assert [s.nframes for s in report.systems] == [3, 2]


def test_differences_are_measured(models, systems):
    from dponnx.runtime.deep_pot import DeepPot
    from dponnx.runtime.systems import find_systems

    report = validate(*models, systems, n=2)
    system = report.systems[0]
    frames = list(find_systems(systems)[0].frames(["O", "H"]))[:2]
    model = DeepPot(models[0])
    parts = [model.eval(f.coord[None], f.cell, f.atype) for f in frames]
    energy, force, virial = (np.concatenate(part) for part in zip(*parts, strict=True))
    change = SCALE - 1
    for found, values in ((system.energy, energy), (system.force, force), (system.virial, virial)):
        size = np.abs(values * change)
        expected = [size.mean(), np.sqrt((size**2).mean()), size.max()]
        np.testing.assert_allclose([found.mae, found.rmse, found.max], expected, rtol=1e-8)
    np.testing.assert_allclose(system.energy_per_atom.max, system.energy.max / 4, rtol=1e-12)
    np.testing.assert_allclose(system.virial_per_atom.mae, system.virial.mae / 4, rtol=1e-12)
    worst = np.unravel_index(np.abs(force).argmax(), force.shape)
    assert (system.worst_frame, system.worst_atom) == worst[:2]


def test_beyond_the_tolerance_it_fails_and_says_where(models, systems):
    report = validate(*models, systems)
    with pytest.raises(ValidationError, match="smaller step") as error:
        report.check()
    assert report.worst.path in str(error.value) and "\n" not in str(error.value)
    validate(*models, systems, tol_force=1.0).check()


def test_tolerance_follows_the_precision(models, systems, tmp_path):
    single = tmp_path / "single.onnx"
    single.write_bytes(toy_model(scale=1 + 1e-5, precision="float32"))
    report = validate(models[0], single, systems)
    assert report.precision == "float32" and report.tol_force == 1e-3 and report.passed


def test_nan_fails(models, systems, tmp_path):
    broken = tmp_path / "nan.onnx"
    broken.write_bytes(toy_model(scale=float("nan")))
    report = validate(models[0], broken, systems, json=tmp_path / "r.json", tol_force=1e9)
    assert not report.passed and np.isnan(report.worst.force.max)
    with pytest.raises(ValidationError):
        report.check()
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["passed"] is False and record["systems"][0]["force"]["max"] is None


def test_json_holds_the_report(models, systems, tmp_path):
    report = validate(*models, systems, json=tmp_path / "r.json")
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["systems"][1]["force"]["max"] == report.systems[1].force.max
    assert record["passed"] is False and record["tol_force"] == 1e-6


def test_detail_files(models, systems, tmp_path):
    validate(*models, systems, detail=tmp_path / "plots" / "run.1")
    rows = {"e": 5, "e_peratom": 5, "f": 3 * 4 + 2 * 3, "v": 5, "v_peratom": 5}
    columns = {"e": 2, "e_peratom": 2, "f": 6, "v": 18, "v_peratom": 18}
    for key in rows:
        file = tmp_path / "plots" / f"run.1.{key}.out"
        table = np.loadtxt(file)
        assert table.shape == (rows[key], columns[key])
        half = columns[key] // 2
        np.testing.assert_allclose(table[:, half:], table[:, :half] * SCALE, rtol=1e-9, atol=1e-12)
        assert file.read_text().count("#") == 1, "one header, from the first system"


def test_detail_files_look_like_dp_tests(models, shared, deepmd, tmp_path):
    """Header and number format of DeePMD-kit itself."""
    data = shared / "data" / "data_0"
    graph = shared / "models" / "sea_small_2side" / "graph.pb"
    command = f"test -m {graph} -s {data} -n 1 -d {tmp_path}/theirs".split()
    run = [sys.executable, "-c", "from deepmd.main import main; main()", *command]
    subprocess.run(run, check=True, capture_output=True)
    validate(models[0], models[0], data, n=1, detail=tmp_path / "ours")
    for key in ("e", "e_peratom", "f", "v", "v_peratom"):
        ours, theirs = (
            (tmp_path / f"{who}.{key}.out").read_text().splitlines() for who in ("ours", "theirs")
        )
        assert ours[0] == theirs[0] and len(ours) == len(theirs)
        assert len(ours[1].split()) == len(theirs[1].split())
        assert "e" in ours[1].split()[0] and len(ours[1].split()[0].lstrip("-")) == 24


def test_wrong_input(models, systems, tmp_path):
    with pytest.raises(InputError, match="expected 'convert' or 'tf'"):
        validate(*models, systems, reference="torch")
    with pytest.raises(InputError, match="n is -1"):
        validate(*models, systems, n=-1)
    with pytest.raises(InputError, match="tol_force is nan"):
        validate(*models, systems, tol_force=float("nan"))
    other = tmp_path / "other.onnx"
    other.write_bytes(toy_model(type_map="H O"))
    with pytest.raises(InputError, match="Do the two belong together"):
        validate(models[0], other, systems)
    with pytest.raises(InputError, match=r"pip install 'dponnx\[test\]'"):
        sys.modules["deepmd.infer"], kept = None, sys.modules.get("deepmd.infer")
        (tmp_path / "graph.pb").write_bytes(b"")
        try:
            validate(tmp_path / "graph.pb", models[1], systems, reference="tf")
        finally:
            del sys.modules["deepmd.infer"]
            if kept is not None:
                sys.modules["deepmd.infer"] = kept


def test_uncompressed_conversion_agrees_with_deepmd(converter, operators, deepmd, shared, tmp_path):
    graph = shared / "models" / "sea_small_2side" / "graph.pb"
    onnx = tmp_path / "graph.onnx"
    converter.convert(graph, onnx)
    report = validate(graph, onnx, shared / "data" / "data_0", n=2, reference="tf", tol_force=1e-9)
    report.check()


@pytest.mark.parametrize("suffix", [".onnx", ".pb"])
def test_compressed_model_passes(converter, operators, shared, tmp_path, suffix, request):
    if suffix == ".pb":
        request.getfixturevalue("deepmd")
    graph = shared / "models" / "sea_small_2side" / "graph.pb"
    converter.compress(graph, tmp_path / "c.pb", onnx=tmp_path / "c.onnx")
    validate(graph, tmp_path / f"c{suffix}", shared / "data", n=1).check()

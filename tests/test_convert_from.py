# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does DeePMD-kit 3.2 compute with an upgraded graph what the old release computed with the old?"""

from __future__ import annotations

import logging

import numpy as np
import pytest
from dponnx.runtime.cli import main
from dponnx.runtime.errors import ConversionError, DponnxError, InputError
from tolerances import FLOAT32_BUILD, OLD_RELEASE, OLD_RELEASE_VIRIAL

pytest.importorskip("tensorflow", reason="tensorflow is not installed (extra 'convert')")
from dponnx.converter import (
    convert_from,
    frozen_graph,
    upgrade_file,
)
from dponnx.converter.upgrade import VERSIONS, upgrade
from dponnx.converter.upgrade_graph import constant
from dponnx.runtime import cli_convert_from
from old_graphs import RELEASES, float32_build, load, node, se_ar

QUANTITIES = ("energy", "force", "virial", "atom_energy", "atom_virial")


@pytest.fixture(scope="session")
def legacy(shared):
    return shared / "legacy"


@pytest.fixture(scope="session")
def reference(legacy):
    """What the old release computed; where that was not kept, DeePMD-kit's own convert-from."""

    def read(name: str) -> dict[str, np.ndarray]:
        old = legacy / f"{name}.old.npz"
        with np.load(old if old.exists() else legacy / f"{name}.ref.npz") as values:
            return dict(values)

    return read


@pytest.fixture
def evaluate(deepmd, tmp_path):
    """(graph, system) -> quantities of the upgraded graph, by DeePMD-kit 3.2."""

    def run(graph_def, system) -> dict[str, np.ndarray]:
        path = tmp_path / "evaluated.pb"
        path.write_bytes(upgrade(graph_def).graph_def.SerializeToString())
        results = deepmd.DeepPot(str(path)).eval(
            system["coord"], system["box"], system["atype"], atomic=True
        )
        path.unlink()
        return dict(zip(QUANTITIES, results, strict=True))

    return run


def assert_equal(results, expected, names=QUANTITIES):
    for name in names:
        tolerance = OLD_RELEASE_VIRIAL if name.endswith("virial") else OLD_RELEASE
        np.testing.assert_allclose(results[name], expected[name], **tolerance, err_msg=name)


# Parity with the old releases


@pytest.mark.parametrize("name", RELEASES)
def test_equals_old_evaluation(deepmd, legacy, reference, tmp_path, name):
    report = convert_from(legacy / f"{name}.pb", tmp_path / "new.pb")
    assert report.found == RELEASES[name]
    system = reference(name)
    model = deepmd.DeepPot(str(tmp_path / "new.pb"))
    results = model.eval(system["coord"], system["box"], system["atype"], atomic=True)
    assert_equal(dict(zip(QUANTITIES, results, strict=True)), system)


@pytest.mark.parametrize("name", ["water_se_a_v12", "water_se_r_v12"])
def test_float32_build(legacy, reference, evaluate, name):
    """Its operators were compiled for float32; DeePMD-kit's own convert-from makes them float64."""
    old = float32_build(load(legacy / f"{name}.pb"))
    system = reference(name)
    results = evaluate(old, system)
    for quantity, tolerance in FLOAT32_BUILD.items():
        np.testing.assert_allclose(results[quantity], system[quantity], **tolerance)
    assert np.abs(results["force"] - system["force"]).max() > 0


def test_se_ar(legacy, reference, evaluate):
    """se_a with 6 A beside se_r with 4 A: two descriptors, and the cutoff of the r part alone."""
    a, r = (load(legacy / f"water_se_{x}_v12.pb") for x in "ar")
    tensor = node(r, "descrpt_attr/rcut").attr["value"].tensor
    tensor.double_val[:] = [4.0]
    tensor.ClearField("tensor_content")
    node(r, "DescrptSeR").attr["rcut"].f = 4.0
    system = reference("water_se_a_v12")
    parts = [evaluate(part, system) for part in (a, r)]
    result = upgrade(se_ar(a, r))
    assert result.found == "1.2"
    assert constant(result.graph_def, "descrpt_attr/rcut") == 6.0
    names = {n.name for n in result.graph_def.node}
    assert {"o_nlist_a", "o_nlist", "descrpt_attr_a/t_avg", "descrpt_attr/t_avg"} <= names
    assert_equal(
        evaluate(result.graph_def, system), {q: parts[0][q] + parts[1][q] for q in parts[0]}
    )


def test_012_takes_several_frames(legacy, reference, evaluate):
    """0.12 froze the shape of one frame; DeePMD-kit 3.2 hands over as many as fit."""
    graph_def, system = load(legacy / "sea_012.pb"), reference("sea_012")
    moved = system["coord"] + 0.1 * np.random.default_rng(1).normal(size=system["coord"].shape)
    alone = [evaluate(graph_def, {**system, "coord": c}) for c in (system["coord"], moved)]
    both = {
        **system,
        "coord": np.vstack([system["coord"], moved]),
        "box": np.vstack([system["box"]] * 2),
    }
    together = evaluate(graph_def, both)
    assert_equal(together, {q: np.concatenate([x[q] for x in alone]) for q in QUANTITIES})


# Files


def test_damaged_bytes_end_in_one_of_our_errors(legacy, tmp_path):
    data = (legacy / "sea_012.pb").read_bytes()
    random, accepted = np.random.default_rng(3), 0
    for _ in range(150):
        damaged = bytearray(data)
        for at in random.integers(0, len(data), 8):
            damaged[at] = random.integers(0, 256)
        path = tmp_path / "damaged.pb"
        path.write_bytes(damaged[: random.integers(len(data) // 2, len(data) + 1)])
        try:
            convert_from(path, tmp_path / "out.pb")
            accepted += 1
        except DponnxError as error:
            assert str(path) in str(error)
    assert accepted < 150


def test_current_graph_is_copied(shared, tmp_path, caplog):
    source = shared / "models" / "ser" / "graph.pb"
    with caplog.at_level(logging.INFO, logger="dponnx"):
        report = convert_from(source, tmp_path / "new.pb")
    assert (tmp_path / "new.pb").read_bytes() == source.read_bytes()
    assert report.steps == []
    assert "already current" in caplog.text


def test_twice_is_once(legacy, tmp_path):
    convert_from(legacy / "water_se_r_v12.pb", tmp_path / "once.pb")
    convert_from(tmp_path / "once.pb", tmp_path / "twice.pb")
    assert (tmp_path / "once.pb").read_bytes() == (tmp_path / "twice.pb").read_bytes()


def test_text_there_and_back(legacy, tmp_path):
    """A name ending in .pbtxt gives the old graph as text; from there as from the binary."""
    source, text = legacy / "water_se_r_v12.pb", tmp_path / "old.pbtxt"
    report = convert_from(source, text)
    assert report.steps == []
    assert b"DescrptSeR" in text.read_bytes()
    for version in ("auto", "pbtxt", "1.2"):
        convert_from(text, tmp_path / f"{version}.pb", version)
        assert load(tmp_path / f"{version}.pb") == upgrade(load(source)).graph_def
    model = frozen_graph.read(text)
    assert model.rcut == 6.0


def test_pbtxt_stated_of_a_binary_file(legacy, tmp_path):
    with pytest.raises(InputError, match="pbtxt was stated, but it is a binary graph"):
        convert_from(legacy / "sea_012.pb", tmp_path / "new.pb", "pbtxt")


def test_text_that_cannot_be_read(tmp_path):
    (tmp_path / "bad.pbtxt").write_text('node { name: "x" op: 3 }')
    with pytest.raises(InputError, match="bad.pbtxt is not a text graph that can be read: 1:"):
        convert_from(tmp_path / "bad.pbtxt", tmp_path / "new.pb")


def test_nothing_is_left_behind(legacy, tmp_path, monkeypatch):
    target = tmp_path / "new.pb"
    target.write_bytes(b"precious")

    def fail(*_):
        raise ConversionError("read back")

    with pytest.raises(InputError):
        convert_from(legacy / "sea_012.pb", target, "1.3")
    with pytest.raises(InputError):
        convert_from(legacy / "sea_012.json", target)
    monkeypatch.setattr(upgrade_file, "_read_back", fail)
    with pytest.raises(ConversionError):
        convert_from(legacy / "sea_012.pb", target)
    assert [p.name for p in tmp_path.iterdir()] == ["new.pb"]
    assert target.read_bytes() == b"precious"


def test_input_is_not_overwritten(legacy, tmp_path):
    path = tmp_path / "model.pb"
    path.write_bytes((legacy / "sea_012.pb").read_bytes())
    with pytest.raises(InputError, match="is the input"):
        convert_from(path, path)
    assert path.read_bytes() == (legacy / "sea_012.pb").read_bytes()


@pytest.mark.parametrize("name", RELEASES)
def test_reading_upgrades_and_says_so(legacy, name, caplog):
    with caplog.at_level(logging.INFO, logger="dponnx"):
        model = frozen_graph.read(legacy / f"{name}.pb")
    assert f"frozen by DeePMD-kit {RELEASES[name]} (operator Descrpt" in caplog.text
    assert model.model_version == "1.1"
    assert model.ntypes == len(model.sel) == 2


# Command line


def test_versions_of_the_command_line():
    assert cli_convert_from.VERSIONS == VERSIONS


def test_command(legacy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "frozen_model.pb").write_bytes((legacy / "sea_012.pb").read_bytes())
    assert main(["convert-from"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert out == "convert_out.pb: DeePMD-kit 0.12 graph (operator DescrptNorot), upgraded to 2.1"
    assert main(["convert-from", "auto", "-i", "convert_out.pb", "-o", "again"]) == 0
    assert "2.1 or later graph" in capsys.readouterr().out
    assert (tmp_path / "again.pb").is_file()


def test_command_names_both_versions(legacy, tmp_path, capsys):
    source = str(legacy / "water_se_r_v12.pb")
    assert (
        main(["convert-from", "1.3", "-i", source, "-o", str(tmp_path / "new.pb"), "-v", "0"]) == 2
    )
    error = capsys.readouterr().err
    assert "version 1.3 was stated" in error
    assert "DeePMD-kit 1.2" in error
    assert len(error.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []

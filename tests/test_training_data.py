# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where does the smallest distance come from, and which data does a training script name?"""

from __future__ import annotations

import json
import logging
import shutil
import sys

import numpy as np
import pytest
from dponnx.runtime.errors import InputError
from dponnx.runtime.training_data import DistanceSources, find_script, systems_of
from test_neighbor_stat import to_hdf5
from test_systems import write_system


def data(path, distance):
    """A system without a box whose closest atoms are this far apart."""
    write_system(path, nopbc=True, sets=(1,))
    np.save(path / "set.000" / "coord.npy", [[0, 0, 0, distance, 0, 0, 5, 5, 5]])
    return path


def write_script(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def names(script):
    return sorted(system.path.name for system in systems_of(script))


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Systems a (0.9 angstrom), b (0.8) and deep/c (0.7) beside the place of the script."""
    for name, distance in (("a", 0.9), ("b", 0.8), ("deep/c", 0.7)):
        data(tmp_path / "data" / name, distance)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path


TWO = ["../data/a", "../data/b"]
SCRIPTS = {
    "2.x": ({"training": {"training_data": {"systems": TWO}}}, "ab"),
    "2.x leaves validation data": (
        {"training": {"training_data": {"systems": TWO[:1]}, "validation_data": {"systems": TWO}}},
        "a",
    ),
    "1.x": ({"training": {"systems": TWO, "set_prefix": "set", "load_ckpt": "x"}}, "ab"),
    "0.x": ({"use_smooth": True, "systems": TWO, "batch_size": [1]}, "ab"),
    "unknown keys": ({"model": 3, "loss": [], "training": {"systems": TWO, "new": {}}}, "ab"),
    "multi-task": (
        {
            "training": {
                "data_dict": {
                    k: {"training_data": {"systems": [s]}} for k, s in zip("xy", TWO, strict=True)
                }
            }
        },
        "ab",
    ),
    "one folder": ({"training": {"training_data": {"systems": "../data"}}}, "abc"),
    "list of folders": ({"training": {"systems": ["../data/deep", "../data/a"]}}, "ac"),
    "glob": ({"training": {"training_data": {"systems": ["../data/[ab]"]}}}, "ab"),
    "recursive glob": ({"training": {"training_data": {"systems": ["../data/**/c"]}}}, "c"),
    "rglob_patterns": (
        {"training": {"training_data": {"systems": "../data", "rglob_patterns": ["a", "deep/*"]}}},
        "ac",
    ),
    "each once": ({"training": {"systems": [*TWO, "../data/a", "../data"]}}, "abc"),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_data_of_every_kind_of_script(name, work):
    content, expected = SCRIPTS[name]
    script = write_script(work / "train" / "input.json", content)
    assert names(script) == list(expected)


def test_relative_paths_count_from_the_script_then_from_here(work):
    script = write_script(work / "train" / "input.json", {"training": {"systems": ["../data/a"]}})
    data(work / "train" / "local", 0.5)
    data(work / "elsewhere" / "local", 0.4)
    data(work / "elsewhere" / "here", 0.3)
    assert names(script) == ["a"]
    write_script(script, {"training": {"systems": ["local", "here"]}})
    found = {s.path.name: s.path for s in systems_of(script)}
    assert found["local"].resolve() == work / "train" / "local"
    assert found["here"].resolve() == work / "elsewhere" / "here"


def test_hdf5_paths(work):
    to_hdf5(work / "train.hdf5", [work / "data" / "a", work / "data" / "b"])
    script = write_script(
        work / "train" / "input.json", {"training": {"systems": ["../train.hdf5#/b"]}}
    )
    assert DistanceSources(script=script).find("m.pb", None) == 0.8
    write_script(script, {"training": {"systems": ["../train.hdf5"]}})
    assert names(script) == ["a", "b"]


def test_yaml(work, monkeypatch):
    pytest.importorskip("yaml", reason="PyYAML is not installed (extra 'data')")
    text = "training:\n  training_data:\n    systems: [../data/a] # water\n"
    script = write_script(work / "train" / "input.yaml", text)
    assert names(script) == ["a"]
    assert find_script(script.parent) == script
    write_script(script, "a: [")
    with pytest.raises(InputError, match="expected DeePMD-kit's training input"):
        systems_of(script)
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(InputError, match=r"dponnx\[data\]"):
        systems_of(script)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "expected DeePMD-kit's training input"),
        ("[1]", "not a training input"),
        ("{}", "no training/training_data/systems"),
        ('{"training": {"systems": 4}}', "no training/training_data/systems"),
        ('{"training": {"systems": []}}', "no training/training_data/systems"),
        ('{"training": {"systems": [1]}}', "no training/training_data/systems"),
        ('{"training": {"systems": "nowhere"}}', "train/nowhere: no such folder"),
        ('{"training": {"systems": "no*"}}', "no*: no such folder"),
        ('{"training": {"systems": "."}}', "no type.raw in it or below"),
        ("[" * 100000, "expected DeePMD-kit's training input"),
        ("\udcff", "expected DeePMD-kit's training input"),
    ],
)
def test_scripts_refused(text, says, work):
    script = work / "train" / "input.json"
    script.parent.mkdir()
    script.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError) as error:
        systems_of(script)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_order_of_the_sources(work, caplog):
    caplog.set_level(logging.INFO, "dponnx")
    script = write_script(work / "train" / "input.json", {"training": {"systems": TWO}})
    other = write_script(work / "ckpt" / "input.json", {"training": {"systems": ["../data/deep"]}})

    def found(own, **sources):
        caplog.clear()
        return DistanceSources(**sources).find("m.pb", own), caplog.text

    everything = dict(script=script, folder=other.parent)
    assert found(1.1)[0] == 1.1
    distance, said = found(1.1, given=1.0, **everything)
    assert distance == 1.0 and "1 angstrom as given, not the model's 1.1" in said
    distance, said = found(1.1, **everything)
    assert distance == 1.1 and f"{script} is not read" in said
    distance, said = found(None, **everything)
    assert distance == 0.8 and str(script) in said and "2 systems" in said
    distance, said = found(None, folder=other.parent)
    assert distance == 0.7 and f"{other}: training script found" in said
    distance, said = found(float("nan"), given=1.0)
    assert distance == 1.0
    distance, said = found(0.0, script=script)
    assert distance == 0.8 and "train_attr/min_nbor_dist is 0; not used" in said
    with pytest.raises(InputError) as error:
        found(None)
    assert all(way in str(error.value) for way in ("m.pb", "--min-nbor-dist", "-t", "-c"))
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(InputError, match="expected a distance above 0"):
            found(1.1, given=wrong)


def test_script_in_a_checkpoint_folder(work):
    folder = work / "ckpt"
    folder.mkdir()
    with pytest.raises(InputError, match="no .json file"):
        find_script(folder)
    with pytest.raises(InputError, match="no such folder"):
        find_script(work / "nowhere")
    write_script(folder / "notes.json", {"training": "long"})
    write_script(folder / "broken.json", "{")
    with pytest.raises(InputError, match="broken.json notes.json"):
        find_script(folder)
    script = {"training": {"systems": TWO}}
    # Each one found is preferred to those before.
    for name in ("water.json", "input_v2_compat.json", "out.json", "input.json"):
        write_script(folder / name, script)
        assert find_script(folder).name == name
    write_script(folder / "input.json", {"no": "data"})
    assert find_script(folder).name == "out.json"


def test_legacy_scripts_are_measured(shared):
    script = shared / "legacy" / "water_se_a_v12.json"
    assert 0.8 < DistanceSources(script=script).find("m.pb", None) < 1.0


def test_data_without_a_pair_name_the_script(work):
    shutil.rmtree(work / "data")
    write_system(work / "data" / "a", types=(0,), nopbc=True)
    script = write_script(work / "train" / "input.json", {"training": {"systems": ["../data/a"]}})
    with pytest.raises(InputError, match="input.json: the data hold no frame with two atoms"):
        DistanceSources(script=script).find("m.pb", None)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does `dponnx compress` get the smallest distance of a graph that does not carry it?"""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from dponnx.runtime.cli import main

WATER = 0.8986965819795767  # dp neighbor-stat of fixtures/water


def graph_without(source, target, prefix="train_attr/"):
    """The same frozen graph without the nodes of this prefix, as graphs before 2.0 are."""
    from dponnx.converter.tensorflow_quiet import tensorflow

    graph = tensorflow().compat.v1.GraphDef.FromString(source.read_bytes())
    kept = [node for node in graph.node if not node.name.startswith(prefix)]
    assert len(kept) < len(graph.node)
    del graph.node[:]
    graph.node.extend(kept)
    target.write_bytes(graph.SerializeToString())
    return target


@pytest.fixture
def work(converter, fixture_dir, tmp_path, monkeypatch):
    """frozen_model.pb without train_attr in an empty working directory; water in ../data."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    graph_without(fixture_dir / "sea_small_2side" / "graph.pb", here / "frozen_model.pb")
    shutil.copytree(fixture_dir / "water", tmp_path / "data" / "water")
    return here


def script(folder, systems, name="input.json", old=False):
    folder.mkdir(exist_ok=True)
    data = {"systems": systems}
    text = {"training": data if old else {"training_data": data}, "model": {"unknown": []}}
    (folder / name).write_text(json.dumps(text))


def used_distance(path="frozen_model_compressed.onnx"):
    onnx = pytest.importorskip("onnx")
    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    return float(properties["min_nbor_dist"])


def test_from_the_data_of_a_2x_script(work, capsys):
    script(work.parent / "train", ["../data/water"])
    assert main(["compress", "-t", "../train/input.json"]) == 0
    np.testing.assert_allclose(used_distance(), WATER, rtol=1e-12, atol=0)
    err = capsys.readouterr().err
    assert "smallest distance in the data of ../train/input.json: 0.898697 angstrom" in err
    assert sorted(p.name for p in work.iterdir()) == [
        "frozen_model.pb",
        "frozen_model_compressed.onnx",
        "frozen_model_compressed.pb",
    ]


def test_from_the_script_in_the_checkpoint_folder(work, capsys):
    script(work.parent / "ckpt", "../data", name="out.json", old=True)
    assert main(["compress", "-c", "../ckpt"]) == 0
    np.testing.assert_allclose(used_distance(), WATER, rtol=1e-12, atol=0)
    assert "../ckpt/out.json: training script found" in capsys.readouterr().err


def test_given_distance_wins_over_the_models(work, fixture_dir, capsys):
    graph = fixture_dir / "sea_small_2side" / "graph.pb"
    line = ["compress", "-i", str(graph), "-o", "given.pb", "--min-nbor-dist", "0.7", "-t", "no"]
    assert main(line) == 0
    assert used_distance("given.onnx") == 0.7
    err = capsys.readouterr().err
    assert "0.7 angstrom as given, not the model's 0.885" in err and "no is not read" in err


def test_error_lists_the_ways(work, capsys):
    script(work, ["../data/water"])  # in the working directory, but nobody named it
    assert main(["compress", "-v", "ERROR"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    for way in ("train_attr/min_nbor_dist", "--min-nbor-dist", "-t SCRIPT", "-c FOLDER"):
        assert way in err
    assert not (work / "frozen_model_compressed.pb").exists()


def test_wrong_script_is_one_line(work, capsys):
    script(work.parent / "train", ["../data/nowhere"])
    assert main(["compress", "-v", "0", "-t", "../train/input.json"]) == 2
    err = capsys.readouterr().err
    assert "../data/nowhere: no such folder" in err and err.count("\n") == 1
    assert [p.name for p in work.iterdir()] == ["frozen_model.pb"]

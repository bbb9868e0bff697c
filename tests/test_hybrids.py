# SPDX-License-Identifier: LGPL-3.0-or-later
"""Hybrids: sub-descriptors that differ in everything, nested ones, and parts without tables."""

from __future__ import annotations

import json

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import taylor
from dponnx.runtime.cli import main
from dponnx.runtime.errors import UnsupportedModelError
from dponnx.runtime.metadata import read_info
from random_model import random_system, untrained_model
from tolerances import random_nets

EMBEDDING = {"neuron": [4], "seed": 2}
A = {"type": "se_e2_a", "rcut": 4.0, "rcut_smth": 0.5, "sel": [14, 13], "neuron": [4, 8]}
A |= {"axis_neuron": 3, "type_one_side": True}
R = {"type": "se_e2_r", "rcut": 3.5, "rcut_smth": 1.0, "sel": [12, 11], "neuron": [3, 6, 12]}
T = {"type": "se_e3", "rcut": 3.0, "rcut_smth": 0.3, "sel": [5, 6], "neuron": [2, 4]}
STRIP = {"type": "se_atten", "rcut": 3.5, "rcut_smth": 0.5, "sel": 20, "neuron": [4, 8]}
STRIP |= {"axis_neuron": 3, "attn_layer": 0, "tebd_input_mode": "strip"}
ATTENTION = STRIP | {"rcut": 4.0, "sel": 25, "attn_layer": 1, "attn": 5}


def hybrid(*parts: dict) -> dict:
    return {"type": "hybrid", "list": list(parts)}


def different() -> dict:
    """Cutoffs, sel, widths and activations; neighbours beyond sel in some parts."""
    return hybrid(
        A | {"activation_function": "gelu"},
        hybrid(
            R | {"activation_function": "sigmoid"},
            hybrid(T | {"activation_function": "softplus"}),
        ),
        A | {"sel": [4, 30], "rcut": 3.0, "type_one_side": False, "exclude_types": [[0, 1]]},
    )


# name: (descriptor, embedding of the types or None, nets that become tables, parts that do not)
MODELS = {
    "nested, all different": (different(), None, {"A": 2 + 2, "R": 2, "T": 3}, {}),
    "strip, attention, concat": (
        hybrid(STRIP, hybrid(ATTENTION, A), STRIP | {"rcut": 3.0}),
        EMBEDDING,
        {"Atten": 2},
        {"descriptor.1.0": "attn_layer", "descriptor.1.1": "concat"},
    ),
    "float32 in one part": (hybrid(A, R | {"precision": "float32"}), None, {"A": 2, "R": 2}, {}),
}


@pytest.fixture(scope="module", params=MODELS)
def case(request, deepmd, converter, tmp_path_factory):
    """(name, frozen graph, compression report)."""
    descriptor, embedding, _, _ = MODELS[request.param]
    folder = tmp_path_factory.mktemp("hybrid")
    more = {} if embedding is None else {"type_embedding": embedding}
    graph = untrained_model(folder / "graph.pb", 2, descriptor, {}, 5, **more)
    # half the default step: se_e3's tables are coarser, and here its inputs reach 60
    return request.param, graph, compress(graph, folder / "c.pb", step=0.005, frequency=1)


def test_what_became_tables_and_what_stayed(case):
    name, _, report = case
    _, _, tables, kept = MODELS[name]
    assert len(report.nets) == sum(tables.values())
    assert [part.name for part in report.kept] == list(kept)
    for part, word in zip(report.kept, kept.values(), strict=True):
        assert word in part.reason
    stored = json.loads(read_info(report.onnx).props["kept"])
    assert stored == [{"name": p.name, "reason": p.reason} for p in report.kept]


def test_both_outputs_equal_the_original(case, deepmd):
    name, graph, report = case
    coord, box, atype = random_system(2, 40, 7)
    moved = coord + 0.05 * np.random.default_rng(1).normal(size=coord.shape)
    frames = np.stack([coord, moved]), np.stack([box, box]), atype
    expected = deepmd.DeepPot(str(graph)).eval(*frames, atomic=True)
    for output in (DeepPot(report.onnx), deepmd.DeepPot(str(report.output))):
        for ours, theirs in zip(output.eval(*frames, atomic=True), expected, strict=True):
            close = random_nets(single="float32" in name, attention="attention" in name)
            np.testing.assert_allclose(ours, theirs.reshape(ours.shape), **close)


def test_neighbours_left_out_are_reported_by_type(case):
    """In se_atten sel holds for all types together; what found no slot is told by type."""
    model = DeepPot(case[2].onnx)
    coord, box, atype = random_system(2, 80, 7, edge=9.0)
    model.eval(coord[None], box[None], atype)
    assert set(model.overflow().sel) == {"X0", "X1"}


def test_an_operator_without_table_rule_keeps_its_part(deepmd, tmp_path, monkeypatch, capsys):
    monkeypatch.delitem(taylor.RULES, "Sigmoid")
    descriptor = hybrid(A | {"activation_function": "sigmoid"}, A | {"rcut": 3.0})
    graph = untrained_model(tmp_path / "graph.pb", 2, descriptor)
    assert main(["compress", "-i", str(graph), "-o", str(tmp_path / "c.pb")]) == 0
    line = "descriptor.0 stays as it is: operator Sigmoid of its embedding net has no table rule"
    assert line in capsys.readouterr().out
    assert main(["info", str(tmp_path / "c.onnx")]) == 0
    assert line in capsys.readouterr().out
    coord, box, atype = random_system(2, 30, 7)
    expected = deepmd.DeepPot(str(graph)).eval(coord[None], box[None], atype)
    for output in (DeepPot(tmp_path / "c.onnx"), deepmd.DeepPot(str(tmp_path / "c.pb"))):
        for ours, theirs in zip(output.eval(coord[None], box[None], atype), expected, strict=True):
            np.testing.assert_allclose(ours, theirs.reshape(ours.shape), **random_nets(False))
    monkeypatch.delitem(taylor.RULES, "Tanh")
    with pytest.raises(
        UnsupportedModelError, match="descriptor.0: .*; descriptor.1: operator Tanh"
    ):
        compress(graph, tmp_path / "again.pb")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["c.onnx", "c.pb", "graph.pb"]


def test_a_part_whose_nets_are_not_recognised_is_reported(deepmd, tmp_path):
    from tensorflow.compat.v1 import GraphDef

    graph = untrained_model(tmp_path / "graph.pb", 2, hybrid(A, A | {"rcut": 3.0}))
    graph_def = GraphDef.FromString(graph.read_bytes())
    for node in graph_def.node:
        node.attr.pop("_class", None)  # names of nodes, too
        node.name = node.name.replace("filter_type_all_1/", "other_1/")
        node.input[:] = [name.replace("filter_type_all_1/", "other_1/") for name in node.input]
    graph.write_bytes(graph_def.SerializeToString())
    report = compress(graph, tmp_path / "c.pb")
    assert [net.name for net in report.nets] == [f"filter_type_all_0_net_{t}" for t in (0, 1)]
    (part,) = report.kept
    assert part.name == "descriptor.1" and "no embedding net found" in part.reason

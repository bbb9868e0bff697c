# SPDX-License-Identifier: LGPL-3.0-or-later
"""Descriptors with a type embedding: se_e2_a in strip mode, se_atten without and with attention."""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot, compress, convert
from dponnx.runtime.deep_tensor import open_model
from dponnx.runtime.errors import UnsupportedModelError
from random_model import random_system, untrained_model
from test_tensor_models import everything, peer
from tolerances import random_nets

EMBEDDING = {"neuron": [4], "seed": 2}
NETS = {"neuron": [4, 8, 16], "axis_neuron": 3}
SE_A = NETS | {"type": "se_a_ebd_v2"}
ATTEN = NETS | {"type": "se_atten", "attn_layer": 0, "tebd_input_mode": "strip"}
ATTEN_V2 = NETS | {"type": "se_atten_v2", "attn_layer": 0}
# name: (ntypes, descriptor, fitting); the gate depends on coordinates in se_atten_v2 only
COMPRESSED = {
    "se_e2_a, one-sided, one type": (1, SE_A | {"sel": [40]}, {}),
    "se_e2_a, two-sided, excluded pairs": (
        3,
        SE_A | {"sel": [14, 15, 13], "type_one_side": False, "exclude_types": [[0, 1]]},
        {},
    ),
    "se_e2_a, gelu, float32": (
        2,
        SE_A | {"sel": [20, 20], "activation_function": "gelu", "precision": "float32"},
        {"precision": "float32"},
    ),
    "se_atten, one type, odd width": (1, ATTEN | {"sel": 40, "neuron": [5]}, {}),
    "se_atten, more neighbours than sel": (2, ATTEN | {"sel": 7}, {}),
    "se_atten, excluded pairs, gelu": (
        3,
        ATTEN | {"sel": 40, "exclude_types": [[0, 1], [2, 2]], "activation_function": "gelu"},
        {},
    ),
    "se_atten_v2": (2, ATTEN_V2 | {"sel": 40, "resnet_dt": True}, {"numb_aparam": 2}),
    "se_atten_v2, excluded pairs, few neighbours, silut": (
        3,
        ATTEN_V2 | {"sel": 9, "exclude_types": [[0, 1]], "activation_function": "silut"},
        {"numb_fparam": 2},
    ),
    "se_atten_v2, float32": (
        2,
        ATTEN_V2 | {"sel": 40, "precision": "float32"},
        {"precision": "float32"},
    ),
}
# those that cannot become tables: (ntypes, descriptor, part of the reason)
CONVERTED = {
    "se_e2_a, types beside the distance": (
        3,
        NETS | {"type": "se_e2_a", "sel": [14, 15, 13], "type_one_side": False},
        "concat",
    ),
    "se_atten, types beside the distance": (
        2,
        ATTEN | {"sel": 40, "tebd_input_mode": "concat"},
        "concat",
    ),
    "attention": (2, ATTEN | {"sel": 40, "attn_layer": 2, "attn": 5}, "attn_layer"),
    "attention, masked, excluded pairs": (
        2,
        NETS
        | {"type": "se_atten", "sel": 12, "attn_layer": 1, "attn": 5, "attn_mask": True}
        | {"exclude_types": [[0, 1]], "attn_dotr": False},
        "concat",
    ),
    "smooth attention": (2, ATTEN_V2 | {"sel": 40, "attn_layer": 1, "attn": 5}, "attn_layer"),
}


def systems(ntypes: int, seed: int):
    """(coord, box, atype): two periodic frames, and one cluster with a lone atom beside it."""
    coord, box, atype = random_system(ntypes, 40, seed)
    moved = coord + 0.05 * np.random.default_rng(1).normal(size=coord.shape)
    yield np.stack([coord, moved]), np.stack([box, box]), atype
    yield np.concatenate([coord, [[40.0, 0, 0]]])[None], None, np.append(atype, ntypes - 1)


def parameters(fitting: dict, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    """Values for fparam and aparam, where the fitting has them."""
    rng, (nframes, natoms) = np.random.default_rng(3), shape
    found = {}
    if "numb_fparam" in fitting:
        found["fparam"] = rng.normal(size=(nframes, fitting["numb_fparam"]))
    if "numb_aparam" in fitting:
        found["aparam"] = rng.normal(size=(nframes, natoms * fitting["numb_aparam"]))
    return found


def assert_equal(deepmd, original, outputs, ntypes, fitting, single, seed) -> None:
    """Every number of the outputs against the original's."""
    peer = deepmd.DeepPot(str(original))
    evaluators = [DeepPot(p) if p.suffix == ".onnx" else deepmd.DeepPot(str(p)) for p in outputs]
    for coord, box, atype in systems(ntypes, seed):
        more = parameters(fitting, coord.shape[:2])
        expected = peer.eval(coord, box, atype, atomic=True, **more)
        assert np.abs(expected[1]).max() > 1e-3
        for evaluator in evaluators:
            found = evaluator.eval(coord, box, atype, atomic=True, **more)
            for ours, theirs in zip(found, expected, strict=True):
                np.testing.assert_allclose(ours, theirs.reshape(ours.shape), **random_nets(single))


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_outputs_equal_the_original(name, deepmd, tmp_path):
    ntypes, descriptor, fitting = COMPRESSED[name]
    seed = len(name)
    graph = untrained_model(
        tmp_path / "graph.pb", ntypes, descriptor, fitting, seed, type_embedding=EMBEDDING
    )
    report = compress(graph, tmp_path / "c.pb")
    assert len(report.nets) == 1 and report.nets[0].types == "*-*" and not report.kept
    assert_equal(
        deepmd, graph, [report.onnx, report.output], ntypes, fitting, "float32" in name, seed
    )


@pytest.mark.parametrize("name", CONVERTED)
def test_converted_output_equals_the_original(name, deepmd, tmp_path):
    ntypes, descriptor, reason = CONVERTED[name]
    seed = len(name)
    graph = untrained_model(
        tmp_path / "graph.pb", ntypes, descriptor, {}, seed, type_embedding=EMBEDDING
    )
    with pytest.raises(UnsupportedModelError, match=f"nothing to compress.*{reason}.*convert"):
        compress(graph, tmp_path / "c.pb")
    assert [p.name for p in tmp_path.iterdir()] == ["graph.pb"]
    report = convert(graph, tmp_path / "c.onnx")
    assert_equal(deepmd, graph, [report.onnx], ntypes, {}, False, seed)


@pytest.mark.parametrize(
    "fitting",
    [{"type": "dipole", "sel_type": [1]}, {"type": "polar", "sel_type": [0, 2]}],
    ids=["dipole of the second type", "polar of the first and the third"],
)
def test_tensors_of_some_types(fitting, deepmd, tmp_path):
    """With a type embedding the fitting net picks the atoms of the selected types by a mask."""
    graph = untrained_model(
        tmp_path / "graph.pb", 3, ATTEN_V2 | {"sel": 40}, fitting, 1, type_embedding=EMBEDDING
    )
    report = compress(graph, tmp_path / "c.pb")
    coord, box, atype = random_system(3, 30, 3)
    system = np.stack([coord, coord[::-1]]), np.stack([box, box]), atype
    expected = everything(peer(graph, fitting["type"]), *system)
    for output in (open_model(report.onnx), peer(report.output, fitting["type"])):
        for ours, theirs in zip(everything(output, *system), expected, strict=True):
            assert ours.shape == theirs.shape and np.abs(theirs).max() > 1e-4
            np.testing.assert_allclose(ours, theirs, **random_nets(False))

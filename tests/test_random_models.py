# SPDX-License-Identifier: LGPL-3.0-or-later
"""Shapes of models: random weights, and every option a frozen graph can come with."""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot, compress
from random_model import random_model, random_system

A = {"type": "se_e2_a", "axis_neuron": 4, "neuron": [3, 7, 14], "type_one_side": False}
R = {"type": "se_e2_r", "sel": [20, 20], "neuron": [3, 6], "type_one_side": True}
T = {"type": "se_e3", "sel": [8, 8], "neuron": [2, 4]}
PARTS = [
    A | {"sel": [20, 20], "activation_function": "gelu"},
    R | {"rcut": 3.0, "activation_function": "softplus"},
    T | {"rcut": 3.5, "resnet_dt": True},
]
# name: (ntypes, descriptor, fitting)
MODELS = {
    "one type, one-sided": (1, A | {"sel": [40], "type_one_side": True}, {}),
    "one type, two-sided, odd widths": (
        1,
        A | {"sel": [40], "neuron": [5], "axis_neuron": 5},
        {"neuron": [7]},
    ),
    "three types, excluded pairs, one-sided": (
        3,
        A | {"sel": [14, 15, 13], "type_one_side": True, "exclude_types": [[0, 1], [2, 2]]},
        {},
    ),
    "three types, excluded pairs, two-sided": (
        3,
        A | {"sel": [14, 15, 13], "exclude_types": [[0, 1]]},
        {},
    ),
    "resnet_dt everywhere, doubled and equal widths": (
        2,
        A | {"sel": [20, 20], "neuron": [4, 8, 8], "resnet_dt": True, "type_one_side": True},
        {"resnet_dt": True, "neuron": [9, 9, 18]},
    ),
    "no resnet in the fitting, width 1 first": (
        2,
        A | {"sel": [20, 20], "neuron": [1, 2, 3], "axis_neuron": 2},
        {"resnet_dt": False},
    ),
    "no neighbours of a type": (3, A | {"sel": [20, 0, 20], "type_one_side": True}, {}),
    "float32": (
        2,
        A | {"sel": [20, 20], "precision": "float32", "type_one_side": True},
        {"precision": "float32"},
    ),
    "float32 fitting on a float64 descriptor": (2, A | {"sel": [20, 20]}, {"precision": "float32"}),
    "more neighbours than sel": (2, A | {"sel": [4, 3], "type_one_side": True}, {}),
    "fparam": (2, A | {"sel": [20, 20]}, {"numb_fparam": 2}),
    "aparam": (2, A | {"sel": [20, 20], "type_one_side": True}, {"numb_aparam": 3}),
    "fparam and aparam": (2, R, {"numb_fparam": 1, "numb_aparam": 2}),
    "energies of lone atoms given": (2, A | {"sel": [20, 20]}, {"atom_ener": [-1.5, 2.0]}),
    "hybrid, each part its own cutoff, activation": (2, {"type": "hybrid", "list": PARTS}, {}),
    "hybrid in a hybrid": (
        2,
        {"type": "hybrid", "list": [{"type": "hybrid", "list": PARTS[:2]}, PARTS[2]]},
        {},
    ),
    "five types": (5, A | {"sel": [9, 9, 9, 9, 9], "type_one_side": True}, {}),
}


@pytest.mark.parametrize("name", MODELS)
def test_both_outputs_equal_the_original(name, deepmd, tmp_path):
    ntypes, descriptor, fitting = MODELS[name]
    seed = len(name)
    graph = random_model(tmp_path / "graph.pb", ntypes, descriptor, fitting, seed)
    coord, box, atype = random_system(ntypes, 40, seed)
    more = parameters(fitting, len(atype), seed)
    original = deepmd.DeepPot(str(graph)).eval(coord[None], box[None], atype, atomic=True, **more)
    report = compress(graph, tmp_path / "c.pb")
    assert report.not_fused == []
    single = "float32" in name
    for output in (DeepPot(report.onnx), deepmd.DeepPot(str(report.output))):
        found = output.eval(coord[None], box[None], atype, atomic=True, **more)
        assert np.abs(found[1]).max() > 1e-4
        for ours, expected in zip(found, original, strict=True):
            # random nets of order 1; float32 sums of 40 neighbours over forces of order 1
            atol = 2e-5 if single else 1e-8 if "hybrid" in name else 1e-11  # se_e3: step 0.05
            np.testing.assert_allclose(ours, expected.reshape(ours.shape), rtol=1e-11, atol=atol)


def parameters(fitting: dict, natoms: int, seed: int) -> dict[str, np.ndarray]:
    """fparam and aparam of one frame, for a fitting that takes them."""
    rng = np.random.default_rng(seed)
    sizes = {"fparam": fitting.get("numb_fparam"), "aparam": fitting.get("numb_aparam")}
    rows = {"fparam": 1, "aparam": natoms}
    return {k: rng.normal(size=(1, rows[k] * n)) for k, n in sizes.items() if n}

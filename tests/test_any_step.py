# SPDX-License-Identifier: LGPL-3.0-or-later
"""Compressed models at any step and reach: the accuracy of the spacing in both outputs.

Small random models of each descriptor, against DeePMD-kit's evaluation of the original graph.
"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot, compress
from random_model import random_model, random_system

DESCRIPTORS = {
    "se_e2_a": {"type": "se_e2_a", "sel": [20, 20], "neuron": [4, 8], "axis_neuron": 3},
    "se_e2_r": {"type": "se_e2_r", "sel": [20, 20], "neuron": [4, 8]},
    "se_e3": {"type": "se_e3", "sel": [12, 12], "neuron": [2, 4]},
}
STEPS = (0.001, 0.003, 0.007, 0.015, 0.03)
REFERENCE = 0.1  # the step whose error, far above rounding, predicts those of the others
REACHES = (1.0, 1.0000001, 1.37)
MIN_NBOR_DIST = 0.8


@pytest.fixture(scope="module", params=DESCRIPTORS)
def model(request, deepmd, tmp_path_factory):
    """(folder, frozen graph, DeepPot of the original)."""
    folder = tmp_path_factory.mktemp(request.param)
    graph = random_model(folder / "g.pb", 2, DESCRIPTORS[request.param], {"neuron": [8]}, seed=1)
    return folder, graph, deepmd.DeepPot(str(graph))


def frames(distance: float):
    """Two frames of 16 atoms, the first two of them as near as `distance` (angstrom)."""
    coord, box, atype = random_system(2, 16, 3, edge=9, shortest=1.0)
    coord = np.stack([coord, coord + 0.05 * np.random.default_rng(1).normal(size=coord.shape)])
    away = coord[:, 1] - coord[:, 0]
    coord[:, 1] = coord[:, 0] + distance * away / np.linalg.norm(away, axis=1, keepdims=True)
    return coord, np.stack([box] * 2), atype


FIRST, SECOND, BEYOND = (frames(x * MIN_NBOR_DIST) for x in (1.3, 0.6, 0.4))  # sub-tables


def outputs(deepmd, model, **options) -> dict:
    """Our two files, compressed with such options and loaded."""
    folder, graph, _ = model
    report = compress(graph, folder / "c.pb", **options)
    return {"onnx": DeepPot(report.onnx), "pb": deepmd.DeepPot(str(report.output))}


def force_error(evaluator, model, system) -> float:
    """Largest, against the original, eV/A."""
    return float(np.abs(evaluator.eval(*system)[1] - model[2].eval(*system)[1]).max())


def test_force_error_follows_the_fifth_power_of_the_step(deepmd, model):
    systems = {"first": FIRST, "second": SECOND}
    coarse = outputs(deepmd, model, step=REFERENCE)["onnx"]
    reference = {k: force_error(coarse, model, s) for k, s in systems.items()}
    assert min(reference.values()) > 3e-11  # above rounding
    for step in STEPS:
        for output, evaluator in outputs(deepmd, model, step=step).items():
            for name, system in systems.items():
                # strides divide the range evenly and fall short of the step by up to a few
                # percent, and which rows are hit is chance: 10. Forces of order 1: rounding 1e-11
                bound = 10 * reference[name] * (step / REFERENCE) ** 5 + 1e-11
                found = force_error(evaluator, model, system)
                assert found < bound, (output, name, step, reference)


def test_any_reach(deepmd, model):
    """Within the training range the same accuracy; where the tables end both outputs go on along
    the tangent, and the force stays the gradient of the energy."""
    usual = outputs(deepmd, model, step=0.03)["onnx"]
    expected = force_error(usual, model, FIRST)
    for extrapolate in REACHES:
        found = outputs(deepmd, model, step=0.03, extrapolate=extrapolate)
        for output, evaluator in found.items():
            error = force_error(evaluator, model, FIRST)
            assert error < 1.001 * expected + 1e-11, (output, extrapolate)
        ours, theirs = (e.eval(*BEYOND) for e in found.values())
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11, err_msg=str(extrapolate))
        assert_force_is_the_gradient(found["onnx"], *BEYOND)


def assert_force_is_the_gradient(evaluator, coord, box, atype) -> None:
    """Of the first atom, along x."""
    h, move = 1e-5, np.zeros_like(coord)
    move[:, 0, 0] = h
    high, low = (evaluator.eval(coord + s * move, box, atype)[0].ravel() for s in (1, -1))
    force = evaluator.eval(coord, box, atype)[1][:, 0, 0]
    # rounding of energies of order 10 over 2 h: 1e-10; stiff pairs: h^2 times a large third slope
    np.testing.assert_allclose(force, -(high - low) / (2 * h), rtol=1e-6, atol=1e-7)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Any small model, any system: both outputs equal the original in DeePMD-kit.

DPONNX_PROPERTIES is the number of models (6); each meets every kind of system of drawn.py.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from dponnx import DeepPot, compress
from drawn import SYSTEMS, ModelSpec, models, system
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_model import random_model
from tolerances import random_net

MODELS = int(os.environ.get("DPONNX_PROPERTIES", "6"))


@settings(
    max_examples=MODELS,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.generate],  # making a model is too slow to search smaller ones
)
@given(model=models(), seed=st.integers(0, 10**6))
def test_both_outputs_equal_the_original(deepmd, model: ModelSpec, seed: int):
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "g.pb"
        random_model(graph, model.ntypes, model.descriptor, model.fitting, model.seed)
        original = deepmd.DeepPot(str(graph))
        report = compress(graph, Path(folder) / "c.pb")
        ours, twin = DeepPot(report.onnx), deepmd.DeepPot(str(report.output))
        for k, name in enumerate(SYSTEMS):
            frames = two_frames(*system(name, model, seed + k), seed)
            expected = original.eval(*frames, atomic=True)
            assert_equal(ours.eval(*frames, atomic=True), expected, model, name)
            assert_equal(twin.eval(*frames, atomic=True), expected, model, name)
        for evaluator in (ours, twin):
            assert_nothing_from_no_atoms(evaluator)


def two_frames(coord, box, atype, seed: int):
    """The system, and the same a little moved."""
    moved = coord + 0.01 * np.random.default_rng(seed).normal(size=coord.shape)
    return np.stack([coord, moved]), None if box is None else np.stack([box, box]), atype


def assert_equal(found, expected, model: ModelSpec, name: str) -> None:
    largest = max(1.0, np.abs(expected[1]).max(initial=0), np.abs(expected[2]).max())
    close = random_net(model.descriptor["type"], largest)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b.reshape(a.shape), **close, err_msg=f"{name}, {model}")


def assert_nothing_from_no_atoms(evaluator) -> None:
    """nloc = 0, which not every original takes."""
    energy, force, virial = evaluator.eval(np.zeros((1, 0, 3)), 9 * np.eye(3)[None], [])
    assert energy.tolist() == [[0.0]] and force.shape == (1, 0, 3) and not virial.any()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Activations that ONNX Runtime lacks in float64: as exact as the numbers allow?"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from kernel_worker import WorkerError
from one_node import one_node

# Both sides of the places where libraries change their formula, tiny, huge, and zeros.
POINTS = np.concatenate(
    [
        np.random.default_rng(0).uniform(-6, 6, 400),
        np.random.default_rng(1).uniform(-0.9, 0.9, 100),
        np.geomspace(1e-308, 30, 60),
        -np.geomspace(1e-300, 30, 60),
        [0.0, -0.0, 0.84375, 1.25, 2.857142857142857, 5.9, 6.0, 5e-324],
    ]
)


def erf(worker, x, threads=1):
    return worker.run(one_node("Erf", {"x": x}, ["y"]), {"x": x}, threads)[0]


def test_erf_is_within_an_ulp(worker):
    mpmath.mp.dps = 40
    expected = [mpmath.erf(mpmath.mpf(float(x))) for x in POINTS]
    found = erf(worker, POINTS)
    ulps = [
        float(abs(mpmath.mpf(float(f)) - e)) / np.spacing(abs(float(e)))
        for f, e in zip(found, expected, strict=True)
    ]
    assert max(ulps) <= 1.0, POINTS[int(np.argmax(ulps))]


def test_erf_of_the_ends(worker):
    x = np.array([np.inf, -np.inf, np.nan, -0.0])
    y = erf(worker, x)
    assert y[0] == 1 and y[1] == -1 and np.isnan(y[2]) and y[3] == 0 and np.signbit(y[3])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (3, 5, 2), (20_001,)])
def test_any_shape_and_number_of_threads(worker, shape):
    x = np.random.default_rng(2).normal(size=shape)
    y = erf(worker, x)
    assert y.shape == shape
    np.testing.assert_array_equal(erf(worker, x, threads=2), y)
    np.testing.assert_array_equal(erf(worker, x.reshape(-1)).reshape(shape), y)


def test_float32_is_left_to_onnx_runtime(worker):
    with pytest.raises(WorkerError, match="Erf"):
        erf(worker, np.zeros(3, np.float32))

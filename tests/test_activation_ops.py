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


def run(worker, op, x, threads=1):
    return worker.run(one_node(op, {"x": x}, ["y"]), {"x": x}, threads)[0]


EXACT = {
    "Erf": mpmath.erf,
    "Erfc": mpmath.erfc,
    "Softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
}


# units in the last place: glibc's own bounds of erf and erfc, and a few roundings
@pytest.mark.parametrize(
    "op, kind, ulps",
    [
        ("Erf", np.float64, 1),
        ("Erfc", np.float64, 5),
        ("Erfc", np.float32, 5),
        ("Softplus", np.float64, 3),
    ],
)
@mpmath.workdps(40)
def test_within_a_few_ulps(worker, op, kind, ulps):
    x = POINTS.astype(kind)
    if op == "Softplus":
        x = np.append(x, [-700.0, 700.0, 720.0, 1e5])  # beyond the range of exp
    exact = [EXACT[op](mpmath.mpf(float(v))) for v in x]
    found = run(worker, op, x)
    assert found.dtype == kind
    for v, f, e in zip(x, found, exact, strict=True):
        with np.errstate(under="ignore"):
            spacing = float(np.spacing(kind(abs(float(e)))))
        assert abs(mpmath.mpf(float(f)) - e) <= ulps * spacing, (v, f, e)


@pytest.mark.parametrize(
    "op, ends",
    [("Erf", [1, -1, -0.0]), ("Erfc", [0, 2, 1]), ("Softplus", [np.inf, 0, np.log(2)])],
)
def test_ends(worker, op, ends):
    y = run(worker, op, np.array([np.inf, -np.inf, -0.0, np.nan]))
    assert y[:3].tolist() == ends and np.signbit(y[2]) == np.signbit(ends[2]) and np.isnan(y[3])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (7,), (3, 5, 2), (20_001,)])
def test_any_shape_and_number_of_threads(worker, shape):
    x = np.random.default_rng(2).normal(size=shape)
    y = run(worker, "Erf", x)
    assert y.shape == shape
    np.testing.assert_array_equal(run(worker, "Erf", x, threads=2), y)
    np.testing.assert_array_equal(run(worker, "Erf", x.reshape(-1)).reshape(shape), y)


def test_erf_in_float32_is_left_to_onnx_runtime(worker):
    with pytest.raises(WorkerError, match="Erf"):
        run(worker, "Erf", np.zeros(3, np.float32))

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the contraction of se_e2_a and the layers of the fitting net agree with plain NumPy?"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import tolerances
from dponnx.converter.fuse_contract import packed_order
from kernel_worker import WorkerError
from one_node import one_node


def call(worker, op, inputs, outputs, threads=1, **attributes):
    return worker.run(one_node(op, inputs, outputs, **attributes), inputs, threads)


# --- contraction --------------------------------------------------------------------------------

SHAPES = [(100, 16), (7, 3), (5, 5), (1, 1), (17, 9), (16, 16), (130, 20)]


def packed(full):
    """D (n, width, axis) in the operator's order."""
    first, _ = packed_order(*full.shape[1:])
    return full.reshape(len(full), -1)[:, first]


@pytest.mark.parametrize("width, axis", SHAPES)
def test_contraction(worker, dtype, width, axis):
    t = np.random.default_rng(0).normal(size=(70, 4, width)).astype(dtype)
    found = call(worker, "ContractSeA", {"t": t}, ["d"], axis=axis, threads=2)[0]
    exact = t.astype(float)
    expected = packed(np.einsum("icm,ica->ima", exact, exact[:, :, :axis]))
    np.testing.assert_allclose(found, expected, **tolerances.kernel(dtype, 10.0))


@pytest.mark.parametrize("width, axis", SHAPES)
def test_gradient_of_contraction(worker, dtype, width, axis):
    rng = np.random.default_rng(1)
    t = rng.normal(size=(70, 4, width)).astype(dtype)
    first, _ = packed_order(width, axis)
    dy = rng.normal(size=(70, len(first))).astype(dtype)
    found = call(worker, "ContractSeAGrad", {"t": t, "dy": dy}, ["dt"], axis=axis)[0]
    full = np.zeros((70, width * axis))
    full[:, first] = dy
    full, exact = full.reshape(70, width, axis), t.astype(float)
    expected = np.einsum("ima,ica->icm", full, exact[:, :, :axis])
    expected[:, :, :axis] += np.einsum("ima,icm->ica", full, exact)
    np.testing.assert_allclose(found, expected, **tolerances.kernel(dtype, 10.0))


@pytest.mark.parametrize("rows, axis", SHAPES)
def test_packed_products_equal_full_ones(rows, axis):
    """D . W with each number of D once and the two rows of W added."""
    rng = np.random.default_rng(2)
    t, w = rng.normal(size=(4, rows)), rng.normal(size=(rows * axis, 3))
    d = (t.T @ t[:, :axis]).ravel()
    first, second = packed_order(rows, axis)
    added = w[first] + np.where(second >= 0, 1, 0)[:, None] * w[second]
    np.testing.assert_allclose(d[first] @ added, d @ w, **tolerances.kernel(float, 100.0))


def test_more_axis_columns_than_width_are_refused(worker):
    with pytest.raises(WorkerError, match="axis = 6; expected at most the width 5"):
        call(worker, "ContractSeA", {"t": np.ones((1, 4, 5))}, ["d"], axis=6)


# --- tanh ---------------------------------------------------------------------------------------


def arguments(dtype):
    """From the smallest to the saturated, at random and around powers of two."""
    rng = np.random.default_rng(3)
    spread = np.concatenate([10.0 ** rng.uniform(-12, 1.4, 600), rng.uniform(0, 1, 300)])
    powers = 2.0 ** np.arange(-30, 5)
    x = np.concatenate([spread, powers, np.nextafter(powers, 0), [0.0, 19.9, 20.1, 300.0]])
    return np.concatenate([x, -x]).astype(dtype)


def test_tanh_is_within_units_in_the_last_place(worker, dtype):
    x = arguments(dtype)[None]
    bias = np.zeros(x.shape[1], dtype)
    found = call(worker, "BiasTanh", {"x": x, "bias": bias}, ["y"])[0].ravel()
    with mpmath.workdps(40):
        exact = [mpmath.tanh(mpmath.mpf(float(v))) for v in x.ravel()]
        off = [float(abs(mpmath.mpf(float(f)) - e)) for f, e in zip(found, exact, strict=True)]
    unit = np.spacing(np.abs(np.array([float(v) for v in exact])).astype(dtype))
    assert np.max(np.array(off) / unit.astype(float)) <= tolerances.TANH_UNITS


def test_tanh_of_what_is_not_finite(worker, dtype):
    x = np.array([[np.nan, np.inf, -np.inf, -0.0]], dtype)
    found = call(worker, "BiasTanh", {"x": x, "bias": -np.zeros(4, dtype)}, ["y"])[0]
    np.testing.assert_array_equal(found, np.tanh(x))
    assert np.signbit(found[0, 3])


@pytest.mark.parametrize("k", [1, 5, 16, 33, 240])
@pytest.mark.parametrize("n", [0, 1, 9, 300])
def test_layer_with_time_step_and_residual(worker, dtype, n, k):
    rng = np.random.default_rng(4)
    names = ("x", "bias", "idt", "residual")
    inputs = {key: rng.normal(size=(k,) if key in names[1:3] else (n, k)) for key in names}
    inputs = {key: value.astype(dtype) for key, value in inputs.items()}
    y, t = call(worker, "BiasTanh", inputs, ["y", "t"], threads=2)
    exact = np.tanh(inputs["x"].astype(float) + inputs["bias"])
    close = tolerances.kernel(dtype, 4.0)
    np.testing.assert_allclose(t, exact, **close)
    np.testing.assert_allclose(y, inputs["residual"] + inputs["idt"] * exact, **close)
    dy = inputs["residual"]
    grad = {"t": t, "dy": dy, "idt": inputs["idt"]}
    found = call(worker, "BiasTanhGrad", grad, ["dx"])[0]
    np.testing.assert_allclose(found, dy * inputs["idt"] * (1 - exact**2), **close)


def test_a_bias_of_another_length_is_refused(worker):
    with pytest.raises(WorkerError, match=r"bias has shape \[4\]; expected \[5\]"):
        call(worker, "BiasTanh", {"x": np.ones((2, 5)), "bias": np.ones(4)}, ["y"])

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


# --- layers of the fitting net ------------------------------------------------------------------


def logistic(x):
    return np.exp(-np.logaddexp(0, -x))


def gelu(cubic):
    """Value and slope of the tanh form with this coefficient of x^3."""
    scale = np.sqrt(2 / np.pi)

    def t(x):
        return np.tanh(scale * (x + cubic * x**3))

    def slope(x):
        return (1 + t(x)) / 2 + x / 2 * (1 - t(x) ** 2) * scale * (1 + 3 * cubic * x**2)

    return lambda x: x / 2 * (1 + t(x)), slope


# value and slope, in float64
ORACLE = {
    "linear": (lambda x: x, np.ones_like),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: (x > 0) * (x < 6) * 1.0),
    "softplus": (lambda x: np.logaddexp(0, x), logistic),
    "sigmoid": (logistic, lambda x: logistic(x) * logistic(-x)),
    "gelu": gelu(0.044715),
    "gelu_tf": gelu(float(np.float32(0.044715))),
    "silu": (lambda x: x * logistic(x), lambda x: logistic(x) * (1 + x * logistic(-x))),
}


def layer(worker, x, w, bias, activation="tanh", threads=1, **more):
    """y, slope; more: idt, residual."""
    inputs = {"x": x, "bias": bias, **more}
    idt = "idt" if "idt" in more else ""
    order = ["x", "w", "bias", *([idt, "residual"] if "residual" in more else [idt])]
    constants, outputs = {"w": w}, ["y", "slope"]
    model = one_node("FittingLayer", inputs, outputs, constants, order=order, activation=activation)
    return worker.run(model, inputs, threads)


def layer_grad(worker, slope, dy, w, threads=1, **more):
    inputs = {"slope": slope, "dy": dy, **more}
    order = ["slope", "dy", "w", *more]
    model = one_node("FittingLayerGrad", inputs, ["dx"], {"w": w}, order=order)
    return worker.run(model, inputs, threads)[0]


def elementwise(worker, x, activation="tanh"):
    """a(x) and a'(x) of a row of numbers: a layer whose matrix is a 1."""
    one, zero = np.ones((1, 1), x.dtype), np.zeros(1, x.dtype)
    return [v.ravel() for v in layer(worker, x.reshape(-1, 1), one, -zero, activation)]


def arguments(dtype):
    """From the smallest to the saturated, at random and around powers of two."""
    rng = np.random.default_rng(3)
    spread = np.concatenate([10.0 ** rng.uniform(-12, 1.4, 600), rng.uniform(0, 1, 300)])
    powers = 2.0 ** np.arange(-30, 5)
    x = np.concatenate([spread, powers, np.nextafter(powers, 0), [0.0, 19.9, 20.1, 300.0]])
    return np.concatenate([x, -x]).astype(dtype)


def test_tanh_is_within_units_in_the_last_place(worker, dtype):
    x = arguments(dtype)
    found, _ = elementwise(worker, x)
    with mpmath.workdps(40):
        exact = [mpmath.tanh(mpmath.mpf(float(v))) for v in x]
        off = [float(abs(mpmath.mpf(float(f)) - e)) for f, e in zip(found, exact, strict=True)]
    unit = np.spacing(np.abs(np.array([float(v) for v in exact])).astype(dtype))
    assert np.max(np.array(off) / unit.astype(float)) <= tolerances.TANH_UNITS


@pytest.mark.parametrize("activation", ORACLE)
def test_activation_and_slope(worker, dtype, activation):
    x = arguments(dtype)
    value, slope = elementwise(worker, x, activation)
    x = x.astype(float)
    close = tolerances.kernel(dtype)
    np.testing.assert_allclose(value, ORACLE[activation][0](x), **close)
    np.testing.assert_allclose(slope, ORACLE[activation][1](x), **close)


@pytest.mark.parametrize("activation", ["sigmoid", "softplus"])
def test_small_values_keep_their_digits(worker, dtype, activation):
    """Both are e^x far below zero."""
    x = np.linspace(-60, -40, 33).astype(dtype)
    value, slope = elementwise(worker, x, activation)
    close = {"rtol": tolerances.kernel(dtype)["rtol"], "atol": 0}
    np.testing.assert_allclose(value, np.exp(x.astype(float)), **close)
    np.testing.assert_allclose(slope, np.exp(x.astype(float)), **close)


@pytest.mark.parametrize("activation", ORACLE)
def test_what_is_not_finite(worker, dtype, activation):
    """NaN stays NaN; infinities saturate or stay."""
    value, slope = elementwise(worker, np.array([np.nan, np.inf, -3e4, 0.0], dtype), activation)
    assert np.isnan(value[0]) and (np.isnan(slope[0]) or activation in ("linear", "relu", "relu6"))
    assert value[1] == {"tanh": 1, "sigmoid": 1, "relu6": 6}.get(activation, np.inf)
    expected = ORACLE[activation][0](np.array([-3e4, 0.0]))
    np.testing.assert_allclose(value[2:], expected, rtol=1e-6, atol=1e-30)


# widths around one vector and one panel of every path, and the deepest sums of a real net
@pytest.mark.parametrize(
    "m, k", [(0, 3), (1, 1), (5, 3), (33, 8), (7, 16), (24, 50), (240, 100), (1480, 25)]
)
@pytest.mark.parametrize("n", [0, 1, 3, 17, 70])
def test_layer(worker, dtype, n, m, k):
    rng = np.random.default_rng(n + m)
    x, w = rng.normal(size=(n, m)), rng.normal(size=(m, k)) / np.sqrt(max(m, 1))
    bias, idt, residual = rng.normal(size=k), rng.normal(size=k), rng.normal(size=(n, k))
    x, w, bias, idt, residual = (a.astype(dtype) for a in (x, w, bias, idt, residual))
    y, slope = layer(worker, x, w, bias, threads=2, idt=idt, residual=residual)
    t = np.tanh(x.astype(float) @ w + bias)
    close = tolerances.kernel(dtype, 4.0)
    np.testing.assert_allclose(y, residual + idt * t, **close)
    np.testing.assert_allclose(slope, idt * (1 - t * t), **close)
    for more in ({"idt": idt}, {"residual": residual}):
        y = layer(worker, x, w, bias, **more)[0]
        expected = more.get("residual", 0) + more.get("idt", 1) * t
        np.testing.assert_allclose(y, expected, **close)


@pytest.mark.parametrize(
    "m, k", [(3, 0), (1, 1), (5, 3), (33, 8), (7, 16), (50, 24), (100, 240), (1480, 25)]
)
@pytest.mark.parametrize("n", [0, 1, 3, 17, 70])
def test_gradient_of_layer(worker, dtype, n, m, k):
    rng = np.random.default_rng(n + k)
    slope, dy, more = rng.normal(size=(n, k)), rng.normal(size=(n, k)), rng.normal(size=(n, m))
    w = rng.normal(size=(m, k)) / np.sqrt(max(k, 1))
    slope, dy, more, w = (a.astype(dtype) for a in (slope, dy, more, w))
    expected = (slope.astype(float) * dy) @ w.T.astype(float)
    close = tolerances.kernel(dtype, 4.0)
    np.testing.assert_allclose(layer_grad(worker, slope, dy, w, threads=2), expected, **close)
    found = layer_grad(worker, slope, dy, w, more=more)
    np.testing.assert_allclose(found, more + expected, **close)


@pytest.mark.parametrize("n", [2, 40, 200])
def test_rows_do_not_depend_on_threads_or_other_rows(worker, dtype, n):
    """However rows and columns are shared out, each sum is the same to the last bit."""
    rng = np.random.default_rng(5)
    x, w, bias = rng.normal(size=(n, 300)), rng.normal(size=(300, 130)), rng.normal(size=130)
    x, w, bias = (a.astype(dtype) for a in (x, w, bias))
    y, slope = layer(worker, x, w, bias, "linear", threads=2)
    np.testing.assert_array_equal(layer(worker, x, w, bias, "linear")[0], y)
    np.testing.assert_array_equal(layer(worker, x[1:2], w, bias, "linear")[0], y[1:2])
    dx = layer_grad(worker, slope, y, w, threads=2)
    np.testing.assert_array_equal(layer_grad(worker, slope, y, w), dx)
    np.testing.assert_array_equal(layer_grad(worker, slope[1:2], y[1:2], w), dx[1:2])


def test_wrong_layers_are_refused(worker):
    x, w, bias = np.ones((2, 5)), np.ones((5, 3)), np.ones(3)
    for says, call in {
        r"bias has shape \[4\]; expected \[3\]": lambda: layer(worker, x, w, np.ones(4)),
        r"x has shape \[2, 4\]; expected \[\?, 5\]": lambda: layer(worker, x[:, 1:], w, bias),
        r"w has shape \[5\]; expected \[\?, \?\]": lambda: layer(worker, x, w[:, 0], bias),
        "activation = erf; expected one of linear, tanh": lambda: layer(worker, x, w, bias, "erf"),
        r"dy has shape \[2, 2\]; expected \[2, 3\]": lambda: layer_grad(
            worker, x[:, :3], x[:, :2], w
        ),
    }.items():
        with pytest.raises(WorkerError, match=says):
            call()
    inputs = {"x": x, "w": w, "bias": bias}
    with pytest.raises(WorkerError, match="w is computed; expected an initializer"):
        call_op = one_node("FittingLayer", inputs, ["y"], activation="tanh")
        worker.run(call_op, inputs)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables: are they as accurate as their spacing says, everywhere, and continuous?"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx.converter.tables import (
    Table,
    TableGrid,
    build_table,
    hermite5,
    poly5,
    poly5_slope,
    split_evenly,
)
from hypothesis import given
from hypothesis import strategies as st


def net(x: np.ndarray):
    """Two smooth outputs with known derivatives."""
    t = np.tanh(x)
    value = np.stack([t, np.sin(2 * x)], axis=1)
    slope = np.stack([1 - t * t, 2 * np.cos(2 * x)], axis=1)
    curvature = np.stack([-2 * t * (1 - t * t), -4 * np.sin(2 * x)], axis=1)
    return value, slope, curvature


def grid(step: float = 0.01, lower: float = -1.0, upper: float = 3.0, maximum: float = 15.0):
    fine, n_fine = split_evenly(upper - lower, step)
    coarse, n_coarse = split_evenly(maximum - upper, 10 * step)
    return TableGrid(lower, upper, maximum, fine, coarse, n_fine, n_coarse)


def test_quintic_matches_both_ends():
    rng = np.random.default_rng(0)
    h, *ends = 0.3, *rng.normal(size=6)
    a = hermite5(np.array(h), *(np.array(e) for e in ends))
    second = 2 * a[2] + h * (6 * a[3] + h * (12 * a[4] + h * 20 * a[5]))
    found = [poly5(a, 0.0), poly5_slope(a, 0.0), 2 * a[2], poly5(a, h), poly5_slope(a, h), second]
    np.testing.assert_allclose(found, ends, rtol=0, atol=1e-11)  # h^-2 amplifies rounding


def test_error_follows_the_sixth_power_of_the_step():
    at = np.random.default_rng(1).uniform(-1, 3, 2000)
    errors = [
        np.abs(build_table(net, grid(step)).evaluate(at)[0] - net(at)[0]).max()
        for step in (0.4, 0.2, 0.1)
    ]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert (orders > 5.5).all() and (orders < 6.6).all(), (errors, orders)


@pytest.mark.parametrize("step", [0.001, 0.003, 0.007, 0.01, 0.015, 0.03, 0.1])
def test_accuracy_at_any_step(step):
    """|error| <= h^6 max|f^(6)| / 46080 for a quintic Hermite interval, and rounding."""
    table = build_table(net, grid(step))
    at = np.random.default_rng(2).uniform(-1, 3, 5000)
    value, slope = table.evaluate(at)
    sixth = 300.0  # bounds both outputs' sixth derivative (tanh: 272 at most)
    assert np.abs(value - net(at)[0]).max() < sixth * step**6 / 46080 + 1e-14
    assert np.abs(slope - net(at)[1]).max() < sixth * step**5 / 4000 + 1e-12 / step * 0.01 + 1e-12


@pytest.mark.parametrize("n_left", [0, 120])
def test_value_and_slope_are_continuous_at_every_knot_and_both_ends(n_left):
    g = grid(0.05)
    g = TableGrid(g.lower, g.upper, g.maximum, g.fine, g.coarse, g.n_fine, g.n_coarse, n_left)
    table = build_table(net, g)
    knots = g.knots()
    eps = 1e-9
    below, above = table.evaluate(knots - eps), table.evaluate(knots + eps)
    for a, b in zip(below, above, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=10 * eps)  # |slope|, |curvature| <= 4


def test_outside_it_is_the_tangent():
    table = build_table(net, grid())
    g = table.grid
    for end, far in ((g.minimum, g.minimum - 2.5), (g.maximum, g.maximum + 7.0)):
        value, slope, _ = net(np.array([end]))
        got, got_slope = table.evaluate(np.array([far]))
        np.testing.assert_allclose(got, value + slope * (far - end), rtol=0, atol=1e-9)
        np.testing.assert_allclose(got_slope, slope, rtol=0, atol=1e-9)


def test_locate_at_the_ends_of_the_sub_tables():
    g = TableGrid(-1.0, 1.0, 3.0, 0.5, 1.0, 4, 2)
    below = np.nextafter
    x = np.array([-2.0, -1.0, below(1.0, 0), 1.0, below(3.0, 0), 3.0, 9.0])
    row, dx = g.locate(x)
    assert row.tolist() == [0, 0, 3, 4, 5, 5, 5]
    np.testing.assert_allclose(dx, [-1, 0, 0.5, 0, 1, 1, 7], rtol=0, atol=1e-15)


def test_locate_refuses_nan():
    with pytest.raises(ValueError, match="finite"):
        grid().locate(np.array([np.nan]))


@given(
    st.integers(1, 40),
    st.floats(1e-3, 0.2),
    st.sampled_from([np.float32, np.float64]),
)
def test_row_count_is_what_deepmd_kit_recomputes(length, step, dtype):
    """Its kernels take int((upper - lower)/stride) in the table's precision."""
    stride, n = split_evenly(length, step, dtype)
    real = np.dtype(dtype).type
    assert int(real(length) / real(stride)) == n
    assert stride <= step * (1 + 1e-6)
    assert abs(stride * n - length) < 1e-5 * length


def test_float32_table_keeps_its_type():
    table = build_table(net, grid(), np.float32)
    assert table.coef.dtype == np.float32 and isinstance(table, Table)
    at = np.linspace(-1, 3, 1000)
    np.testing.assert_allclose(table.evaluate(at)[0], net(at)[0], rtol=0, atol=5e-7)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the tabulation kernels agree with the NumPy oracle on every kernel path, edges included?

kind A is se_e2_a, R se_e2_r, T se_e3 (oracle.tabulate tells what each computes).
"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import tolerances
from dponnx.converter.tables import TableGrid, build_table
from kernel_calls import BOTH_SIDES, GRID, make_em, make_table, tabulate

SHAPES = {"A": 23, "R": 23, "T": (5, 7)}  # neighbours, or pairs of neighbours, of an atom


@pytest.fixture(params=["A", "R", "T"])
def kind(request):
    return request.param


def grid_of(kind):
    return BOTH_SIDES if kind == "T" else GRID


def low_of(kind):
    return grid_of(kind).minimum


def make_dy(kind, table, em, seed=2):
    shape = {"A": em.shape[:1] + (4,), "R": em.shape, "T": em.shape[:1]}[kind]
    return np.random.default_rng(seed).normal(size=(*shape, table.width)).astype(em.dtype)


def check_tabulate(worker, table, em_x, em, kind):
    """Rounding grows with the number of terms summed: entries of an atom, or outputs."""
    dy = make_dy(kind, table, em)
    value, slope = table.evaluate(em_x.astype(float))
    terms = max(em_x.size // max(len(em), 1), table.width)
    scale = terms * max(np.abs(value).max(initial=1.0), np.abs(slope).max(initial=1.0))
    close = tolerances.kernel(em.dtype, scale)
    ours = tabulate(worker, table, em_x, em, kind=kind)
    np.testing.assert_allclose(ours, oracle.tabulate(kind, table, em_x, em), **close)
    ours = tabulate(worker, table, em_x, em, dy, kind=kind)
    for a, b in zip(ours, oracle.tabulate_grad(kind, table, em_x, em, dy), strict=True):
        np.testing.assert_allclose(a, b, **close)


@pytest.mark.parametrize("width", [1, 3, 8, 20, 33, 64, 100])
def test_tabulate(worker, dtype, kind, width):
    table = make_table(width, grid=grid_of(kind))
    em = make_em(dtype, 5, SHAPES[kind], low_of(kind), kind=kind)
    check_tabulate(worker, table, *em, kind)


def edges(grid, dtype):
    """Every knot, one unit in the last place around it, and both sides of the table."""
    knots = grid.knots().astype(dtype)
    around = [knots, np.nextafter(knots, dtype(-99)), np.nextafter(knots, dtype(99))]
    reach = np.array([0.01, 0.5, 40.0], dtype)
    outside = [dtype(grid.minimum) - reach, dtype(grid.maximum) + reach]
    return np.concatenate([*around, *outside])


@pytest.mark.parametrize("grid", [GRID, BOTH_SIDES], ids=["right", "both_sides"])
def test_tabulate_at_and_around_knots(worker, dtype, kind, grid):
    """One input an atom, so that nothing hides behind a larger neighbour."""
    table, x = make_table(20, grid=grid), edges(grid, dtype)
    em = make_em(dtype, len(x), (1, 1) if kind == "T" else 1, kind=kind)[1]
    for k in range(0, len(x), 8):
        part = em[k : k + 8] if kind != "R" else x[k : k + 8, None]
        check_tabulate(worker, table, x[k : k + 8], part, kind)


@pytest.mark.parametrize("n_coarse, n_left", [(0, 0), (4, 0), (0, 3)])
def test_tabulate_with_and_without_coarse_subtables(worker, dtype, kind, n_coarse, n_left):
    grid = TableGrid(-1.0, 2.0, 2.0 + n_coarse, 0.125, 1.0, 24, n_coarse, n_left)
    em = make_em(dtype, 4, SHAPES[kind], -6.0, 7.0, kind=kind)
    check_tabulate(worker, make_table(7, grid=grid), *em, kind)


def test_tabulate_believes_the_row_counts(worker, dtype, kind):
    """Strides whose quotient rounds down: (upper - lower) / 0.03 must not be recomputed."""
    grid = TableGrid(-1.0, 2.0, 5.0, 3.0 / 101, 0.3, 101, 10)
    em = make_em(dtype, 4, SHAPES[kind], -1.0, 5.0, kind=kind)
    check_tabulate(worker, make_table(5, grid=grid), *em, kind)


@pytest.mark.parametrize("n, nnei", [(0, 0), (0, 7), (3, 0), (1, 1)])
def test_tabulate_empty(worker, dtype, kind, n, nnei):
    em = make_em(dtype, n, (nnei, 3) if kind == "T" else nnei, kind=kind)
    check_tabulate(worker, make_table(33), *em, kind)


def test_tabulate_identical_neighbours(worker, dtype, kind):
    """Runs of equal entries at the start, in the middle and at the end; and equal x, other em."""
    em_x, em = make_em(dtype, 4, (1, 17) if kind == "T" else 17, kind=kind)
    em_x = em_x.reshape(4, 17).copy()
    columns = em.reshape(4, 17, -1)
    for a in (em_x, columns):
        a[0, :] = a[0, 0]  # all padding
        a[1, :5], a[1, 9:] = a[1, 0], a[1, 16]
        a[2, 4:7] = a[2, 4]
    em_x[3, :] = em_x[3, 0]
    em_x[1, 9:] = 7.25  # a run on the tangent
    check_tabulate(worker, make_table(33), em_x.ravel(), em_x if kind == "R" else em, kind)


def test_padding_of_pairs(worker, dtype):
    """se_e3: em = x, most of it zero, of either sign; a zero still has a gradient."""
    em = make_em(dtype, 3, (9, 11), -2.0, 2.0, kind="T")[0].reshape(3, 9, 11)
    em[0, 4:], em[0, :, 6:] = 0.0, 0.0
    em[1] = 0.0
    em[2, ::2] = -0.0
    for grid in (GRID, BOTH_SIDES):
        check_tabulate(worker, make_table(33, grid=grid), em.ravel(), em, "T")


def test_many_pairs_share_rows(worker, dtype):
    """More pairs than rows, more rows than pairs, and atoms one after the other."""
    for shape in [(40, 50), (2, 3)]:
        em_x, em = make_em(dtype, 40, shape, -8.0, 8.0, kind="T")
        check_tabulate(worker, make_table(20, grid=BOTH_SIDES), em_x, em, "T")


def test_gradient_of_a_smooth_table(worker, kind):
    """The gradient operators against central differences of the forward ones, in float64, in every
    sub-table, across their joints and on both tangents."""

    def net(x):
        t = np.stack([np.tanh(x), np.tanh(0.5 * x + 1)], axis=1)
        d = np.array([1.0, 0.5])
        return t, d * (1 - t * t), -2 * d * d * t * (1 - t * t)

    table = build_table(net, TableGrid(-1.0, 1.0, 3.0, 0.05, 0.5, 40, 4, 4))
    em_x, em = make_em(np.float64, 8, (3, 4) if kind == "T" else 12, -4.0, 4.0, kind=kind)
    em_x = em_x.copy()
    em_x[:4] = [-3.5, -1.0, 1.0, 3.5]  # at the ends themselves the curvature jumps
    if kind == "R":
        em = em_x.reshape(em.shape)
    dy = make_dy(kind, table, em)
    *dem_x, dem = tabulate(worker, table, em_x, em, dy, kind=kind)
    rng, h = np.random.default_rng(5), tolerances.CENTRAL_STEP
    for _ in range(3):
        to_x, to_em = rng.normal(size=em_x.shape), rng.normal(size=em.shape)

        def along(t, to_x=to_x, to_em=to_em):
            result = tabulate(worker, table, em_x + t * to_x, em + t * to_em, kind=kind)
            return np.sum(result * dy)

        ours = np.sum(dem * to_em) + (np.sum(dem_x[0].ravel() * to_x) if dem_x else 0.0)
        atol = tolerances.central_difference_atol(np.abs(dy).sum() * em_x.size)
        np.testing.assert_allclose(ours, (along(h) - along(-h)) / (2 * h), rtol=0, atol=atol)


def test_tabulate_passes_nan_on(worker, dtype, kind):
    em_x, em = make_em(dtype, 3, (2, 3) if kind == "T" else 6, kind=kind)
    em_x, em = em_x.copy(), em.copy()
    table, where = make_table(20), np.zeros(18, bool)
    where[8] = True

    def put(x):
        em_x[8] = x
        if kind != "A":
            em.ravel()[8] = x if kind == "R" else 0.0  # se_e3: em = 0 must not hide it

    put(np.nan)
    bad = np.isnan(tabulate(worker, table, em_x, em, kind=kind)).reshape(3, -1, 20)
    if kind == "R":
        np.testing.assert_array_equal(bad.all(axis=2).ravel(), where)
    assert bad[1].any(axis=0).all() and not bad[[0, 2]].any()
    dy = np.ones_like(make_dy(kind, table, em))
    for found in tabulate(worker, table, em_x, em, dy, kind=kind):
        found = np.isnan(found).reshape(18, -1)
        np.testing.assert_array_equal(found.all(axis=1), where)
        assert not found[~where].any()
    put(np.inf)
    tabulate(worker, table, em_x, em, kind=kind), tabulate(worker, table, em_x, em, dy, kind=kind)


def test_results_do_not_depend_on_threads(worker, dtype, kind):
    table = make_table(33, grid=grid_of(kind))
    em_x, em = make_em(dtype, 900, SHAPES[kind], low_of(kind), kind=kind)
    for dy in (None, make_dy(kind, table, em)):
        one, two = (tabulate(worker, table, em_x, em, dy, n, kind) for n in (1, 2))
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the tabulation kernels agree with the NumPy oracle on every kernel path, edges included?"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import tolerances
from dponnx.converter.tables import TableGrid
from kernel_calls import GRID, make_em, make_table, tabulate


def check_tabulate(worker, table, em_x, em):
    dtype, n = em.dtype, em.shape[0]
    dy = np.random.default_rng(2).normal(size=(n, 4, table.width)).astype(dtype)
    value, slope = table.evaluate(em_x.astype(float))
    terms = max(em.shape[1], table.width)
    scale = terms * max(np.abs(value).max(initial=1.0), np.abs(slope).max(initial=1.0))
    close = tolerances.kernel(dtype, scale)
    ours = tabulate(worker, table, em_x, em)
    np.testing.assert_allclose(ours, oracle.tabulate_fusion_se_a(table, em_x, em), **close)
    ours_x, ours_em = tabulate(worker, table, em_x, em, dy)
    dem_x, dem = oracle.tabulate_fusion_se_a_grad(table, em_x, em, dy)
    np.testing.assert_allclose(ours_em, dem, **close)
    np.testing.assert_allclose(ours_x, dem_x, **close)


@pytest.mark.parametrize("width", [1, 3, 8, 20, 33, 64, 100])
def test_tabulate(worker, dtype, width):
    check_tabulate(worker, make_table(width), *make_em(dtype, 5, 23))


def edges(dtype):
    """Every knot, one unit in the last place around it, and both sides of the table."""
    knots = GRID.knots().astype(dtype)
    around = [knots, np.nextafter(knots, dtype(-99)), np.nextafter(knots, dtype(99))]
    outside = np.array([-1.01, -1.5, -40.0, 6.01, 7.5, 300.0], dtype)
    return np.concatenate([*around, outside])


def test_tabulate_at_and_around_knots(worker, dtype):
    """One input a row of em, so that nothing hides behind a larger neighbour."""
    table, x = make_table(20), edges(dtype)
    em = make_em(dtype, len(x), 1)[1]
    for k in range(0, len(x), 1 if len(x) < 8 else 8):
        check_tabulate(worker, table, x[k : k + 8], em[k : k + 8])


@pytest.mark.parametrize("n_coarse", [0, 4])
def test_tabulate_with_and_without_second_subtable(worker, dtype, n_coarse):
    grid = TableGrid(-1.0, 2.0, 2.0 + n_coarse, 0.125, 1.0, 24, n_coarse)
    check_tabulate(worker, make_table(7, grid=grid), *make_em(dtype, 4, 9, -2.0, 7.0))


def test_tabulate_believes_the_row_counts(worker, dtype):
    """Strides whose quotient rounds down: (upper - lower) / 0.03 must not be recomputed."""
    grid = TableGrid(-1.0, 2.0, 5.0, 3.0 / 101, 0.3, 101, 10)
    check_tabulate(worker, make_table(5, grid=grid), *make_em(dtype, 4, 40, -1.0, 5.0))


@pytest.mark.parametrize("n, nnei", [(0, 0), (0, 7), (3, 0), (1, 1)])
def test_tabulate_empty(worker, dtype, n, nnei):
    check_tabulate(worker, make_table(33), *make_em(dtype, n, nnei))


def test_tabulate_identical_neighbours(worker, dtype):
    """Runs of equal rows at the start, in the middle and at the end; and equal x, other em."""
    em_x, em = make_em(dtype, 4, 17)
    em_x = em_x.reshape(4, 17)
    for a in (em_x, em):
        a[0, :] = a[0, 0]  # all padding
        a[1, :5], a[1, 9:] = a[1, 0], a[1, 16]
        a[2, 4:7] = a[2, 4]
    em_x[3, :] = em_x[3, 0]
    em_x[1, 9:] = 7.25  # a run on the tangent
    check_tabulate(worker, make_table(33), em_x.ravel(), em)


def test_tabulate_passes_nan_on(worker, dtype):
    em_x, em = make_em(dtype, 3, 6)
    em_x[8] = np.nan
    table, dy = make_table(20), np.ones((3, 4, 20), dtype)
    bad = np.isnan(tabulate(worker, table, em_x, em))
    assert bad[1].all() and not bad[[0, 2]].any()
    dem_x, dem = tabulate(worker, table, em_x, em, dy)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(dem_x)), [8])
    assert np.isnan(dem[1, 2]).all() and np.isnan(dem).sum() == 4
    em_x[8] = np.inf
    tabulate(worker, table, em_x, em), tabulate(worker, table, em_x, em, dy)

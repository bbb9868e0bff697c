# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables of any step: does the error follow the spacing down to rounding, is nothing torn?

On the grids that the converter chooses for se_e2_a, se_e2_r (A, R) and se_e3 (T), in NumPy at 200
random steps and through the compiled kernels at some.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from dponnx.converter.grids import TableOptions
from dponnx.converter.tables import Table, TableGrid, build_table
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_calls import tabulate
from table_nets import KINDS, Waves, random_grid, random_waves
from tolerances import table_rounding

STEPS = np.exp(np.random.default_rng(200).uniform(np.log(0.0007), np.log(0.2), 200))
# Largest error of a quintic that matches value, slope and curvature at both ends of an interval
# of width h, with M = max|f^(6)| there: M h^6 max(t (1 - t))^3 / 720, and for its slope, to leading
# order, M h^5 max|d/dt (t (1 - t))^3| / 720.
VALUE, SLOPE = 1 / 46080, 3 / 25 / np.sqrt(5) / 720


@dataclass(frozen=True)
class Region:
    """Rows of one spacing h, from begin to end."""

    begin: float
    end: float
    h: float


def regions(grid: TableGrid) -> list[Region]:
    found = [
        Region(grid.lower, grid.upper, grid.fine),
        Region(grid.upper, grid.maximum, grid.coarse),
        Region(grid.minimum, grid.lower, grid.coarse),
    ]
    return [r for r in found if r.end - r.begin > 1e-9]


def joints(grid: TableGrid) -> np.ndarray:
    """Both ends of the table and of its fine part, and fifty knots in between."""
    inner = np.random.default_rng(0).choice(grid.knots(), 50)
    return np.concatenate([[grid.minimum, grid.lower, grid.upper, grid.maximum], inner])


def case(kind: str, step: float) -> tuple[Waves, Table]:
    rng = np.random.default_rng(int(step * 1e9))
    grid = random_grid(kind, rng, TableOptions(step, float(rng.uniform(1.1, 5.0)), -1, 0.9))
    waves = random_waves(grid, rng)
    return waves, build_table(waves, grid)


def assert_follows_spacing(waves: Waves, grid: TableGrid, evaluate) -> None:
    """evaluate(x) -> value, slope; in every region below the bound, and near it where the
    bound stands above rounding and the spacing resolves the waves."""
    for region in regions(grid):
        h = region.h
        at = np.random.default_rng(1).uniform(region.begin, region.end, 1500)
        value, slope = evaluate(at)
        every = np.linspace(region.begin, region.end, 3000)
        sixth = np.abs(waves.derivative(every, 6)).max() * 1.05  # between the samples
        rounding = table_rounding(np.abs(at).max(), h)
        for name, error, bound, floor in (
            ("value", value - waves.derivative(at, 0), VALUE * sixth * h**6, rounding[0]),
            ("slope", slope - waves.derivative(at, 1), 2 * SLOPE * sixth * h**5, rounding[1]),
        ):
            largest = np.abs(error).max()
            assert largest <= bound + floor, (name, region, largest, bound, floor)
            if h < 0.1 and bound > 20 * floor:
                assert largest >= bound / 10, (name, region, largest, bound)


def assert_continuous(grid: TableGrid, evaluate) -> None:
    at = joints(grid)
    here = evaluate(at)
    for side in (-np.inf, np.inf):
        for a, b in zip(evaluate(np.nextafter(at, side)), here, strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_error_follows_spacing_at_200_steps(kind):
    for step in STEPS:
        waves, table = case(kind, step)
        assert table.grid.fine <= (5 if kind == "T" else 1) * step * (1 + 1e-12)
        assert_follows_spacing(waves, table.grid, table.evaluate)
        assert_continuous(table.grid, table.evaluate)


@pytest.mark.parametrize("kind", KINDS)
def test_the_compiled_kernels_do_the_same(worker, kind):
    for step in STEPS[STEPS > 0.003][:6]:
        waves, table = case(kind, step)

        def evaluate(x, table=table):
            return through_kernels(worker, kind, table, x)

        assert_follows_spacing(waves, table.grid, evaluate)
        assert_continuous(table.grid, evaluate)


def through_kernels(worker, kind: str, table: Table, x: np.ndarray):
    """Value and slope (n, width) from the operators: one neighbour (se_e3: one pair) an atom,
    and a gradient for each output."""
    n, width = len(x), table.width
    em = {"A": np.tile([1.0, 0, 0, 0], (n, 1, 1)), "R": x.reshape(n, 1), "T": np.ones((n, 1, 1))}
    value = tabulate(worker, table, x, em[kind], kind=kind)
    slopes = []
    for o in range(width):
        dy = np.zeros_like(value)
        dy.reshape(n, -1)[:, o] = 1  # A: of the first of four rows
        slopes.append(tabulate(worker, table, x, em[kind], dy, kind=kind)[0].reshape(n))
    return value.reshape(n, -1)[:, :width], np.stack(slopes, axis=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=150, derandomize=True)
@given(
    step=st.floats(0.001, 0.2),
    extrapolate=st.just(1.0) | st.floats(1.0, 10.0),
    seed=st.integers(0, 1000),
)
def test_rows_are_what_deepmd_kit_recomputes(kind, dtype, step, extrapolate, seed):
    """From table_info, in the table's own precision; se_e3 is symmetric there."""
    options = TableOptions(step, extrapolate, -1, 0.9)
    grid = random_grid(kind, np.random.default_rng(seed), options, dtype)
    info = np.array([grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse], dtype)
    lower, upper, maximum, fine, coarse = info
    assert int((upper - lower) / fine) == grid.n_fine
    assert int((maximum - upper) / coarse) == grid.n_coarse
    assert int((lower + maximum) / coarse) * (kind == "T") == grid.n_left
    assert grid.n_coarse >= 1  # their kernels read past the end of a table without coarse rows
    reach = max(extrapolate * upper, upper + (50 if kind == "T" else 10) * step)
    assert abs(maximum - reach) <= np.finfo(dtype).eps * maximum

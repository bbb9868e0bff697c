# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables of fifth-order polynomials: where the knots lie, how a table is built and evaluated.

A table replaces an embedding net of one scalar x by one quintic per interval and output.
This file is the NumPy side; the kernels do the same in custom_ops/include/dponnx/table.h.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..runtime.errors import InputError

# Net: x (n,) -> value, first and second derivative, each (n, width).
Net = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]

SAMPLED = 2000  # intervals of a table that are compared with its net


@dataclass(frozen=True)
class TableGrid:
    """Knots of a table: [minimum, lower) coarse, [lower, upper) fine, [upper, maximum) coarse.

    All in units of the normalised input x (dimensionless). se_e2_a and se_e2_r have
    n_left = 0 and minimum = lower; se_e3 has coarse intervals on both sides.
    Row counts are integers; nothing recomputes them from the strides.
    """

    lower: float
    upper: float
    maximum: float
    fine: float
    coarse: float
    n_fine: int
    n_coarse: int
    n_left: int = 0

    @property
    def minimum(self) -> float:
        return self.lower - self.n_left * self.coarse

    @property
    def n_rows(self) -> int:
        return self.n_left + self.n_fine + self.n_coarse

    def knots(self) -> np.ndarray:
        """Left end of every row, and the right end of the last: (n_rows + 1,)."""
        left = self.lower - self.coarse * np.arange(self.n_left, 0, -1)
        fine = self.lower + self.fine * np.arange(self.n_fine)
        coarse = self.upper + self.coarse * np.arange(self.n_coarse)
        return np.concatenate([left, fine, coarse, [self.maximum]])

    def widths(self) -> np.ndarray:
        """Nominal width of every row (n_rows,): what dx runs over."""
        parts = (self.n_left, self.coarse), (self.n_fine, self.fine), (self.n_coarse, self.coarse)
        return np.concatenate([np.full(n, h) for n, h in parts])

    def locate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row that holds each x, and the distance of x from that row's left knot.

        x (n,); row (n,) int32 in [0, n_rows); dx (n,). Left of minimum dx is negative, from
        maximum on it exceeds the row's width: the caller continues along the tangent.
        """
        x = np.asarray(x)
        if not np.isfinite(x).all():
            raise InputError("TableGrid.locate: x is not finite")

        def cell(start: float, stride: float, n: int) -> tuple[np.ndarray, np.ndarray]:
            row = np.clip(np.floor((x - start) / stride), 0, max(n - 1, 0)).astype(np.int32)
            return row, x - (start + row * stride)

        left, dx_left = cell(self.minimum, self.coarse, self.n_left)
        fine, dx_fine = cell(self.lower, self.fine, self.n_fine)
        coarse, dx_coarse = cell(self.upper, self.coarse, self.n_coarse)
        is_left = (x < self.lower) & (self.n_left > 0)
        is_coarse = (x >= self.upper) & (self.n_coarse > 0)
        row = np.where(is_coarse, self.n_left + self.n_fine + coarse, self.n_left + fine)
        row = np.where(is_left, left, row).astype(np.int32)
        return row, np.where(is_left, dx_left, np.where(is_coarse, dx_coarse, dx_fine))


@dataclass(frozen=True)
class Table:
    """coef (n_rows, 6 * width): the six coefficients of one output side by side, a0 first."""

    grid: TableGrid
    coef: np.ndarray

    @property
    def width(self) -> int:
        return self.coef.shape[1] // 6

    def evaluate(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Value and slope (n, width) at x (n,). Outside the table: the tangent at its end."""
        row, dx = self.grid.locate(x)
        inside = np.clip(dx, 0.0, self.grid.widths()[row])[:, None]
        a = self.coef[row].reshape(len(row), self.width, 6)
        value, slope = poly5(a, inside), poly5_slope(a, inside)
        return value + slope * (dx[:, None] - inside), slope


def poly5(a: np.ndarray, dx: np.ndarray) -> np.ndarray:
    """a0 + a1 dx + ... + a5 dx^5, coefficients along the last axis of a."""
    value = a[..., 5]
    for k in range(4, -1, -1):
        value = value * dx + a[..., k]
    return value


def poly5_slope(a: np.ndarray, dx: np.ndarray) -> np.ndarray:
    """a1 + 2 a2 dx + ... + 5 a5 dx^4."""
    slope = 5 * a[..., 5]
    for k in range(4, 0, -1):
        slope = slope * dx + k * a[..., k]
    return slope


def hermite5(h, f0, d0, c0, f1, d1, c1) -> np.ndarray:
    """Quintic on [0, h] with value f, slope d and curvature c at both ends: (..., 6).

    With t = dx/h it is f0 + d0 h t + c0 h^2/2 t^2 + (10 F - 6 D + C) t^3/2 ..., where
    F, D, C are what is left of f1, h d1, h^2 c1 after the part known from the left end.
    """
    left = np.stack([f0, h * d0, 0.5 * h * h * c0], axis=-1)
    rest_f = (f1 - f0) - left[..., 1] - left[..., 2]
    rest_d = h * (d1 - d0) - 2 * left[..., 2]
    rest_c = h * h * (c1 - c0)
    a3 = 10 * rest_f - 4 * rest_d + 0.5 * rest_c
    a4 = -15 * rest_f + 7 * rest_d - rest_c
    a5 = 6 * rest_f - 3 * rest_d + 0.5 * rest_c
    scaled = np.concatenate([left, np.stack([a3, a4, a5], axis=-1)], axis=-1)
    return scaled / np.power(np.asarray(h)[..., None], np.arange(6))


def build_table(net: Net, grid: TableGrid, dtype=np.float64) -> Table:
    """The table whose quintics match net's value, slope and curvature at every knot."""
    value, slope, curvature = net(grid.knots())
    h = grid.widths()[:, None]
    coef = hermite5(h, value[:-1], slope[:-1], curvature[:-1], value[1:], slope[1:], curvature[1:])
    return Table(grid, np.ascontiguousarray(coef.reshape(grid.n_rows, -1).astype(dtype)))


def errors_between_knots(net: Net, table: Table) -> tuple[float, float]:
    """Largest error of value and slope, measured between the knots of the first sub-table."""
    grid = table.grid
    every = max(1, grid.n_fine // SAMPLED)
    left = grid.lower + grid.fine * np.arange(0, grid.n_fine, every)
    value_error = slope_error = 0.0
    for part in (0.25, 0.5, 0.75):
        at = left + part * grid.fine
        value, slope, _ = net(at)
        table_value, table_slope = table.evaluate(at)
        value_error = max(value_error, float(np.abs(table_value - value).max()))
        slope_error = max(slope_error, float(np.abs(table_slope - slope).max()))
    return value_error, slope_error


def split_evenly(length: float, step: float, dtype=np.float64) -> tuple[float, int]:
    """Largest stride <= step that divides length into n rows, and n.

    DeePMD-kit's kernels recompute n as int(length / stride) in the table's own precision, so
    the stride is nudged by units in the last place until that is exactly n.
    """
    n = max(1, math.ceil(length / step * (1 - 1e-12)))
    real = np.dtype(dtype).type
    stride = real(length / n)
    while int(real(length) / stride) < n:
        stride = np.nextafter(stride, real(0))
    return float(stride), n

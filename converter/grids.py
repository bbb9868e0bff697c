# SPDX-License-Identifier: LGPL-3.0-or-later
"""Range and spacing of each table: DESIGN section 5, as DeePMD-kit chooses them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import InputError
from .nets import EmbeddingNet
from .tables import TableGrid, split_evenly

# The second sub-table is this many times coarser than the first (as in DeePMD-kit).
COARSER = 10
# se_e3's input, a product of two neighbours', has a wider range and a coarser grid. DeePMD-kit
# takes 10; that leaves 4e-8 eV/A on our se3 model, 5 leaves 32 times less (docs/design/tables.md).
COARSER_SE_T = 5
LARGEST = 10**8  # intervals of a table: with 100 outputs, half a terabyte


@dataclass(frozen=True)
class TableOptions:
    """step: knot spacing of the first sub-table in units of the normalised input, None: each net's
    own (exact_grid.py); extrapolate: the second one ends at this many times the first one's upper
    end; frequency: every so many evaluations inputs outside are counted, -1 never;
    min_nbor_dist: shortest distance of the training data (angstrom); coarse: knot spacing of the
    second sub-table, None: COARSER times the step. In se_e3 both are COARSER_SE_T times that."""

    step: float | None
    extrapolate: float
    frequency: int
    min_nbor_dist: float
    coarse: float | None = None

    def beyond(self) -> float:
        """Knot spacing of the second sub-table."""
        return COARSER * self.step if self.coarse is None else self.coarse


def switched_inverse(r: float, rcut_smth: float, rcut: float) -> float:
    """s(r) = sw(r)/r of the smooth-edition descriptor (1/angstrom), r in angstrom."""
    u = min(max((r - rcut_smth) / (rcut - rcut_smth), 0.0), 1.0)
    return (u**3 * (-6 * u * u + 15 * u - 10) + 1) / r


def choose_grid(net: EmbeddingNet, options: TableOptions) -> TableGrid:
    """The grid that covers the net's inputs down to min_nbor_dist."""
    s = switched_inverse(options.min_nbor_dist, *cutoffs(net.env_mat))
    avg, std = _statistics(net)
    if not (np.isfinite(avg).all() and np.isfinite(std).all() and (std > 0).all()):
        raise InputError(f"{net.name}: davg or dstd is not finite, or dstd not above 0")
    with np.errstate(over="ignore"):
        largest = max(0.0, ((s**net.order - avg) / std).max(initial=0.0))
        smallest = (-avg / std).min(initial=0.0)
    if not (largest - smallest) / options.step < LARGEST:
        raise InputError(
            f"{net.name}: a table from {smallest:.1e} to {largest:.1e} in steps of "
            f"{options.step:g} is too long; is the smallest distance of "
            f"{options.min_nbor_dist:g} angstrom right?"
        )
    upper = math.ceil(largest)
    if net.order == 2:
        return _symmetric(max(upper, 1), net, options)
    lower = math.floor(smallest)
    return _one_sided(lower, max(upper, lower + 1), net, options)


def reach(net: EmbeddingNet, grid: TableGrid) -> tuple[float, float]:
    """Distances (angstrom) below which an input can exceed grid.upper and grid.maximum."""
    avg, std = _statistics(net)
    rcut_smth, rcut = cutoffs(net.env_mat)
    found = []
    for end in (grid.upper, grid.maximum):
        s_end = max((end * std + avg).min(initial=np.inf), 0.0) ** (1 / net.order)
        low, high = 1e-6, rcut
        for _ in range(60):
            middle = 0.5 * (low + high)
            if switched_inverse(middle, rcut_smth, rcut) > s_end:
                low = middle
            else:
                high = middle
        found.append(high)
    return found[0], found[1]


def cutoffs(env_mat: gs.Node) -> tuple[float, float]:
    """rcut_smth and rcut (angstrom) of an environment matrix."""
    attrs = env_mat.attrs
    if env_mat.op == "ProdEnvMatR":
        return attrs["rcut_smth"], attrs["rcut"]
    return attrs["rcut_r_smth"], attrs["rcut_r"]


def _statistics(net: EmbeddingNet) -> tuple[np.ndarray, np.ndarray]:
    """avg and std that turn s(r), or for se_e3 s(r)^2, into the net's largest input."""
    davg, dstd = (np.asarray(t.values, dtype=np.float64) for t in net.env_mat.inputs[4:6])
    centers = slice(None) if net.center is None else [net.center]
    davg, dstd = davg[centers], dstd[centers]
    columns = [_slots(net.env_mat, t) for t in net.neighbors or [None]]
    if len(columns) == 2:
        a, b = (dstd[:, c[:, 1:]].min(axis=(1, 2), initial=np.inf) for c in columns)
        return np.zeros_like(a), a * b
    first = columns[0][:, 0]
    return davg[:, first], dstd[:, first]


def _slots(env_mat: gs.Node, t: int | None) -> np.ndarray:
    """Columns of the environment matrix: (sel of type t, columns of one neighbour); t None: of all
    types."""
    columns = 1 if env_mat.op == "ProdEnvMatR" else 4
    sel = env_mat.attrs["sel" if columns == 1 else "sel_a"]
    begin, n = (0, sum(sel)) if t is None else (sum(sel[:t]), sel[t])
    return np.arange(columns * begin, columns * (begin + n)).reshape(-1, columns)


def _one_sided(lower: int, upper: int, net: EmbeddingNet, options: TableOptions) -> TableGrid:
    step, dtype = options.step, net.y.dtype
    fine, n_fine = split_evenly(upper - lower, step, dtype)
    maximum, coarse, n_coarse = _beyond(upper, options.beyond(), options.extrapolate, dtype)
    return TableGrid(lower, upper, maximum, fine, coarse, n_fine, n_coarse)


def _symmetric(upper: int, net: EmbeddingNet, options: TableOptions) -> TableGrid:
    step, dtype = COARSER_SE_T * options.step, net.y.dtype
    fine, n_fine = split_evenly(2 * upper, step, dtype)
    maximum, coarse, n_coarse = _beyond(
        upper, COARSER_SE_T * options.beyond(), options.extrapolate, dtype
    )
    return TableGrid(-upper, upper, maximum, fine, coarse, n_fine, n_coarse, n_coarse)


def _beyond(upper: int, step: float, extrapolate: float, dtype) -> tuple[float, float, int]:
    """Maximum, stride and number of rows of the second sub-table, which begins at upper.

    Never without a row, where DeePMD-kit's kernels would read past the table's end. They recompute
    the number of rows: the length is rounded as they do.
    """
    real = np.dtype(dtype).type
    maximum = real(max(extrapolate * upper, upper + step))
    return float(maximum), *split_evenly(float(maximum - real(upper)), step, dtype)

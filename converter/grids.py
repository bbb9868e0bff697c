# SPDX-License-Identifier: LGPL-3.0-or-later
"""Range and spacing of each table: DESIGN section 5, as DeePMD-kit chooses them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from .nets import EmbeddingNet
from .tables import TableGrid, split_evenly

# The second sub-table is this many times coarser than the first (as in DeePMD-kit).
COARSER = 10
# se_e3's input, a product of two neighbours', has a wider range and a coarser grid. DeePMD-kit
# takes 10; that leaves 4e-8 eV/A on our se3 model, 5 leaves 32 times less (docs/design/tables.md).
COARSER_SE_T = 5


@dataclass(frozen=True)
class TableOptions:
    """step: knot spacing of the first sub-table in units of the normalised input;
    extrapolate: the second one ends at this many times the first one's upper end;
    frequency: every so many evaluations inputs outside are counted, -1 never;
    min_nbor_dist: shortest distance of the training data (angstrom)."""

    step: float
    extrapolate: float
    frequency: int
    min_nbor_dist: float


def switched_inverse(r: float, rcut_smth: float, rcut: float) -> float:
    """s(r) = sw(r)/r of the smooth-edition descriptor (1/angstrom), r in angstrom."""
    u = min(max((r - rcut_smth) / (rcut - rcut_smth), 0.0), 1.0)
    return (u**3 * (-6 * u * u + 15 * u - 10) + 1) / r


def choose_grid(net: EmbeddingNet, options: TableOptions) -> TableGrid:
    """The grid that covers the net's inputs down to min_nbor_dist."""
    env_mat, attrs = net.env_mat, net.env_mat.attrs
    davg, dstd = (np.asarray(t.values, dtype=np.float64) for t in env_mat.inputs[4:6])
    centers = slice(None) if net.center is None else [net.center]
    davg, dstd = davg[centers], dstd[centers]
    if env_mat.op == "ProdEnvMatR":
        s = switched_inverse(options.min_nbor_dist, attrs["rcut_smth"], attrs["rcut"])
    else:
        s = switched_inverse(options.min_nbor_dist, attrs["rcut_r_smth"], attrs["rcut_r"])
    if len(net.neighbors) == 2:
        largest = [s / dstd[:, _slots(env_mat, t)[:, 1:]].min(axis=(1, 2)) for t in net.neighbors]
        return _symmetric(math.ceil(np.max(largest[0] * largest[1])), net, options)
    first = _slots(env_mat, net.neighbors[0])[:, 0]
    avg, std = davg[:, first], dstd[:, first]
    lower = math.floor(np.min(-avg / std, initial=0.0))
    upper = max(math.ceil(np.max((s - avg) / std, initial=0.0)), lower + 1)
    return _one_sided(lower, upper, net, options)


def _slots(env_mat: gs.Node, t: int) -> np.ndarray:
    """Columns of the environment matrix: (sel of type t, columns of one neighbour)."""
    columns = 1 if env_mat.op == "ProdEnvMatR" else 4
    sel = env_mat.attrs["sel" if columns == 1 else "sel_a"]
    begin = columns * sum(sel[:t])
    return np.arange(begin, begin + columns * sel[t]).reshape(-1, columns)


def _one_sided(lower: int, upper: int, net: EmbeddingNet, options: TableOptions) -> TableGrid:
    maximum = max(options.extrapolate * upper, upper)
    dtype = net.y.dtype
    fine, n_fine = split_evenly(upper - lower, options.step, dtype)
    coarse, n_coarse = COARSER * options.step, 0
    if maximum > upper:
        coarse, n_coarse = split_evenly(maximum - upper, coarse, dtype)
    return TableGrid(lower, upper, maximum, fine, coarse, n_fine, n_coarse)


def _symmetric(upper: int, net: EmbeddingNet, options: TableOptions) -> TableGrid:
    step, dtype = COARSER_SE_T * options.step, net.y.dtype
    fine, n_fine = split_evenly(2 * upper, step, dtype)
    coarse, n_coarse = COARSER * step, 0
    if options.extrapolate > 1:
        coarse, n_coarse = split_evenly((options.extrapolate - 1) * upper, coarse, dtype)
    return TableGrid(
        -upper, upper, options.extrapolate * upper, fine, coarse, n_fine, n_coarse, n_coarse
    )

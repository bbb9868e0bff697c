# SPDX-License-Identifier: LGPL-3.0-or-later
"""Pairs of atoms within a distance, for statistics of training data (neighbor_stat.py).

Models find their neighbours in libdponnx (src/listing.cc).
"""

from __future__ import annotations

import numpy as np
from vesin import NeighborList

from .errors import InputError

# vesin 0.6.2 divides by zero, which kills the process, somewhere between 2e4 and 2e5 cutoffs.
MAX_EXTENT = 1.0e4
# Thinnest box, in angstrom: below it the images within rcut of one atom become millions.
MIN_HEIGHT = 0.1


def checked_cell(cell: np.ndarray, rcut: float) -> np.ndarray:
    """The box as (3, 3) float64, or InputError saying what is wrong with it."""
    cell = np.asarray(cell, dtype=np.float64)
    if cell.shape != (3, 3):
        raise InputError(f"box has shape {cell.shape}; expected (3, 3), one box vector a row")
    if not np.isfinite(cell).all():
        raise InputError("box contains NaN or infinity; expected three finite vectors in angstrom")
    edges = np.linalg.norm(cell, axis=1)
    volume = abs(np.linalg.det(cell))
    if not volume > 1e-12 * edges.prod():
        raise InputError(
            f"box {cell.tolist()} has volume {volume:.3g}; expected three independent vectors "
            "(pass None for a system without a box)"
        )
    heights = 1.0 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    if heights.min() < MIN_HEIGHT:
        raise InputError(
            f"box is {heights.min():.3g} angstrom thin; expected at least {MIN_HEIGHT} angstrom "
            "between opposite faces. Are the units angstrom?"
        )
    if edges.max() > MAX_EXTENT * rcut:
        raise InputError(
            f"box edge is {edges.max():.3g} angstrom; expected at most {MAX_EXTENT * rcut:.3g}. "
            "Pass None for a system without a box"
        )
    return cell


def find_pairs(
    coord: np.ndarray,
    cell: np.ndarray | None,
    rcut: float,
    quantities: str,
    threads: int = 0,
) -> tuple[np.ndarray, ...]:
    """Every pair within rcut in both directions, by cell lists; cell: of checked_cell, or None.

    quantities: i, j (npairs,), S (npairs, 3) and the distance d (npairs,), as vesin names them.
    """
    if len(coord) == 0:
        empty = {"S": np.zeros((0, 3), np.int32), "d": np.zeros(0)}
        return tuple(empty.get(q, np.zeros(0, np.int64)) for q in quantities)
    if cell is None:
        coord = _without_gaps(coord, 2.0 * rcut)
        extent = np.ptp(coord, axis=0).max()
        if extent > MAX_EXTENT * rcut:
            raise InputError(
                f"atoms without a box extend over {extent:.3g} angstrom without a gap; "
                f"expected at most {MAX_EXTENT * rcut:.3g}"
            )
    finder = NeighborList(cutoff=rcut, full_list=True, n_threads=threads)
    box = np.zeros((3, 3)) if cell is None else cell
    return tuple(finder.compute(coord, box, cell is not None, quantities))


def _without_gaps(coord: np.ndarray, gap: float) -> np.ndarray:
    """Coordinates with empty slabs thicker than gap narrowed to gap: the same pairs within gap.

    Keeps far fragments of a system without a box from spanning millions of empty cells.
    """
    order = np.argsort(coord, axis=0, kind="stable")
    steps = np.diff(np.take_along_axis(coord, order, axis=0), axis=0, prepend=np.nan)
    excess = np.where(steps > gap, steps - gap, 0.0).cumsum(axis=0)
    removed = np.empty_like(coord)
    np.put_along_axis(removed, order, excess, axis=0)
    return coord - coord.min(axis=0) - removed

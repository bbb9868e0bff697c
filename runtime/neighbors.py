# SPDX-License-Identifier: LGPL-3.0-or-later
"""From atoms in a box to the inputs of a model: local atoms, ghosts, neighbour list.

1. drop virtual atoms (type < 0), sort the rest by type, wrap them into the box;
2. ask vesin for every pair (i, j, S): j shifted by the lattice vector S lies within rcut of i;
3. every distinct (j, S != 0) becomes one ghost row behind the local rows;
4. number the rows, and remember which atom of the caller owns each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from vesin import NeighborList

from .errors import InputError

# vesin 0.6.2 divides by zero, which kills the process, somewhere between 2e4 and 2e5 cutoffs.
MAX_EXTENT = 1.0e4
# Thinnest box, in angstrom: below it the images within rcut of one atom become millions.
MIN_HEIGHT = 0.1


@dataclass(frozen=True)
class Neighborhood:
    """Inputs of one frame, rows as the model wants them (docs/format.md).

    coord (nall, 3) float64, angstrom: local atoms sorted by type, then ghosts
    atype (nall,) int32;  natoms (2 + ntypes,) int32: nloc, nall, local atoms of each type
    nlist (nloc, nnei) int32: rows of the neighbours within rcut, padded with -1; nnei >= 1
    owner (nall,) int64: the caller's index of the atom of which each row is an image
    """

    coord: np.ndarray
    atype: np.ndarray
    natoms: np.ndarray
    nlist: np.ndarray
    owner: np.ndarray

    @property
    def nloc(self) -> int:
        return int(self.natoms[0])

    def fold(self, rows: np.ndarray, n: int) -> np.ndarray:
        """Sum of the rows of each of the caller's n atoms: (nrows, k) -> (n, k).

        rows may cover all rows (forces) or only the local ones (energies). Virtual atoms get 0.
        """
        owner = self.owner[: len(rows)]
        columns = [np.bincount(owner, rows[:, k], minlength=n) for k in range(rows.shape[1])]
        return np.stack(columns, axis=1)


def build_neighborhood(
    coord: np.ndarray,
    cell: np.ndarray | None,
    atype: np.ndarray,
    rcut: float,
    ntypes: int,
    threads: int = 0,
) -> Neighborhood:
    """Inputs of one frame.

    coord (n, 3) angstrom, anywhere, also outside the box;  atype (n,) in [0, ntypes), or
    negative for virtual atoms;  cell (3, 3), rows are the box vectors, or None: not periodic.
    The box may be triclinic, left-handed and smaller than rcut. threads: of vesin, 0 = its own.
    Raises InputError for shapes that do not fit, non-finite numbers, unknown types, and boxes
    that are singular or out of proportion to rcut.
    """
    coord = np.asarray(coord, dtype=np.float64)
    atype = np.asarray(atype)
    _check_atoms(coord, atype, ntypes)
    real = np.flatnonzero(atype >= 0)
    owner = real[np.argsort(atype[real], kind="stable")]
    local, types = coord[owner], atype[owner].astype(np.int32)
    if cell is not None:
        cell = checked_cell(cell, rcut)
        local = local - np.floor(local @ np.linalg.inv(cell)) @ cell

    i, j, shift = _pairs(local, cell, rcut, threads)
    rows, ghost_of, ghost_shift = _number_rows(j, shift, len(local))
    if len(ghost_of):
        ghosts = local[ghost_of] + ghost_shift @ cell
        all_coord = np.concatenate([local, ghosts])
    else:
        all_coord = local
    all_types = np.concatenate([types, types[ghost_of]])
    counts = np.bincount(types, minlength=ntypes)
    natoms = np.concatenate([[len(local), len(all_coord)], counts]).astype(np.int32)
    return Neighborhood(
        coord=np.ascontiguousarray(all_coord),
        atype=all_types,
        natoms=natoms,
        nlist=_padded_rows(i, rows, len(local)),
        owner=np.concatenate([owner, owner[ghost_of]]),
    )


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


def _check_atoms(coord: np.ndarray, atype: np.ndarray, ntypes: int) -> None:
    if coord.ndim != 2 or coord.shape[1] != 3:
        raise InputError(f"coord has shape {coord.shape}; expected (natoms, 3)")
    if atype.shape != (len(coord),):
        raise InputError(f"atype has shape {atype.shape}; expected ({len(coord)},) as coord")
    if atype.size and atype.dtype.kind not in "iu":
        raise InputError(f"atype has dtype {atype.dtype}; expected integers")
    if not np.isfinite(coord).all():
        atom = int(np.flatnonzero(~np.isfinite(coord).all(axis=1))[0])
        raise InputError(f"coordinate of atom {atom} is {coord[atom].tolist()}; expected numbers")
    if atype.size and atype.max() >= ntypes:
        atom = int(np.argmax(atype))
        raise InputError(
            f"atom {atom} has type {atype[atom]}; the model knows 0 to {ntypes - 1} "
            "(negative: virtual atom)"
        )


def _pairs(coord, cell, rcut, threads) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every pair within rcut, both directions: i (npairs,), j (npairs,), shift (npairs, 3)."""
    i, j, shift = find_pairs(coord, cell, rcut, "ijS", threads)
    return i.astype(np.int32), j.astype(np.int64), shift


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


def _number_rows(j, shift, nloc) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row of each pair's second atom; local index and shift of each ghost row."""
    rows = j.copy()
    image = np.flatnonzero(shift[:, 0] | shift[:, 1] | shift[:, 2])
    if len(image) == 0:
        return rows, np.zeros(0, np.int64), np.zeros((0, 3), np.int64)
    low = shift[image].min(axis=0).astype(np.int64)
    span = shift[image].max(axis=0) - low + 1
    key = j[image]
    for axis in range(3):
        key = key * span[axis] + (shift[image, axis] - low[axis])
    key, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    rows[image] = nloc + inverse.reshape(-1)
    return rows, j[image[first]], shift[image[first]]


def _padded_rows(i: np.ndarray, rows: np.ndarray, nloc: int) -> np.ndarray:
    """Pairs in any order -> (nloc, nnei) int32, one line of neighbours an atom, padded with -1."""
    count = np.bincount(i, minlength=nloc)
    start = np.cumsum(count) - count
    nlist = np.full((nloc, max(1, count.max(initial=0))), -1, dtype=np.int32)
    order = np.argsort(i, kind="stable")
    i = i[order]
    nlist[i, np.arange(len(i)) - start[i]] = rows[order]
    return nlist

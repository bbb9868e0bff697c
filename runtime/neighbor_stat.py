# SPDX-License-Identifier: LGPL-3.0-or-later
"""What `dp neighbor-stat` computes: the smallest distance in data, and the most neighbours.

The smallest distance sets the range of the tables; the counts tell which `sel` a model needs.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import InputError
from .neighbors import checked_cell, find_pairs
from .progress import Progress
from .systems import Frame, System, find_systems

log = logging.getLogger("dponnx")


@dataclass(frozen=True)
class NeighborStat:
    """min_nbor_dist: smallest distance of two atoms, images included, angstrom; inf: no two.

    max_nbor_size: the most neighbours of each type that an atom has within rcut; of one entry
    where types were not told apart. type_map: the names of the types, empty if the data has none.
    """

    min_nbor_dist: float
    max_nbor_size: list[int]
    type_map: tuple[str, ...]


def neighbor_stat(
    systems: str | Path | System | Iterable[str | Path | System],
    rcut: float,
    type_map: Sequence[str] | None = None,
    progress: Progress | None = None,
    *,
    mixed_type: bool = False,
) -> NeighborStat:
    """Smallest distance and most neighbours over every frame of systems.

    systems: folders, HDF5 files (file.hdf5#/group), or folders to search. A neighbour is closer
    than rcut, angstrom; virtual atoms (type < 0) count for nothing. type_map: order of the
    counts; None: the data's own. mixed_type: all types are one.
    The smallest distance may exceed rcut: it is searched for until a pair is found.
    Raises InputError for data that cannot be read, hold unknown types, or atoms on each other.
    """
    if not (math.isfinite(rcut) and rcut > 0):
        raise InputError(f"rcut is {rcut}; expected a number above 0, angstrom, for example 6")
    opened = _open(systems)
    names = tuple(type_map) if type_map else () if mixed_type else _common_type_map(opened)
    frames = _frames(opened, names or None)
    total = sum(system.count() for system in opened)
    smallest, most = math.inf, np.zeros(1 if mixed_type else len(names), dtype=np.int64)
    for system, number, frame in (progress or Progress()).track(
        frames, "measuring distances", total
    ):
        try:
            distance, counts = _of_frame(frame, rcut, mixed_type)
        except InputError as error:
            raise InputError(f"{system.path}, frame {number}: {error}") from None
        if distance <= 0:
            raise InputError(
                f"{system.path}, frame {number}: two atoms lie on each other; remove such frames"
            )
        if math.isinf(distance):
            log.debug("%s, frame %d: no two atoms", system.path, number)
        smallest = min(smallest, distance)
        width = max(len(most), len(counts))
        most = np.maximum(*(np.pad(a, (0, width - len(a))) for a in (most, counts)))
    return NeighborStat(float(smallest), most.tolist(), names)


def min_distance(
    systems: str | Path | System | Iterable[str | Path | System], progress: Progress | None = None
) -> float:
    """Smallest distance of two atoms, angstrom, over every frame of systems.

    Raises InputError as neighbor_stat, and for data without a pair of atoms.
    """
    found = neighbor_stat(systems, 1.5, progress=progress, mixed_type=True).min_nbor_dist
    if math.isinf(found):
        raise InputError("the data hold no frame with two atoms; expected training data")
    return found


def _open(systems) -> list[System]:
    several = [systems] if isinstance(systems, str | Path | System) else list(systems)
    opened = [s for s in several if isinstance(s, System)]
    paths = [s for s in several if not isinstance(s, System)]
    opened += find_systems(paths)
    if not opened:
        raise InputError("no systems given; expected at least one folder with type.raw")
    return opened


def _common_type_map(systems: list[System]) -> tuple[str, ...]:
    """The longest type map, of which every other one must be the beginning; empty: none."""
    longest = max((s.type_map or () for s in systems), key=len)
    for system in systems:
        ours = system.type_map or ()
        if ours != longest[: len(ours)]:
            raise InputError(
                f"{system.path}: its types are {' '.join(ours)}, those of other systems "
                f"{' '.join(longest)}; say which order you want with -t"
            )
    return longest


def _frames(
    systems: list[System], type_map: tuple[str, ...] | None
) -> Iterator[tuple[System, int, Frame]]:
    for system in systems:
        for number, frame in enumerate(system.frames(type_map)):
            yield system, number, frame


def _of_frame(frame: Frame, rcut: float, mixed_type: bool) -> tuple[float, np.ndarray]:
    """Smallest distance of two atoms, and the most neighbours of each type (ntypes,)."""
    real = frame.atype >= 0
    coord = frame.coord[real]
    atype = np.zeros(len(coord), np.int64) if mixed_type else frame.atype[real].astype(np.int64)
    ntypes = int(atype.max(initial=-1)) + 1
    if not np.isfinite(coord).all():
        raise InputError("a coordinate is no number; clean the data")
    cell = None if frame.cell is None else checked_cell(frame.cell, rcut)
    i, j, distance = find_pairs(coord, cell, rcut, "ijd")
    near = distance < rcut
    i, j, distance = i[near].astype(np.int64), j[near], distance[near]
    counts = np.bincount(i * ntypes + atype[j], minlength=len(coord) * ntypes)
    most = counts.reshape(len(coord), ntypes).max(axis=0, initial=0)
    while len(distance) == 0 and (len(coord) > 1 or (cell is not None and len(coord) > 0)):
        rcut *= 2
        (distance,) = find_pairs(coord, cell, rcut, "d")
    return float(distance.min(initial=math.inf)), most

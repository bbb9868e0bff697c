# SPDX-License-Identifier: LGPL-3.0-or-later
"""Smallest distance between two atoms in training data: it sets the range of the tables.

Needed only for graphs frozen before DeePMD-kit 2.0, which do not carry it. The training script
is read as JSON for its data paths alone; nothing else in it is interpreted.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from vesin import NeighborList

from .errors import InputError
from .neighbors import checked_cell
from .systems import Frame, System, find_systems

# Cutoffs tried in turn, angstrom: most data need only the first.
_CUTOFFS = (1.5, 3.0, 6.0, 12.0)


def min_distance(script: str | Path) -> float:
    """Smallest distance, angstrom, over every frame of the systems a training script names.

    Relative paths count from the script's folder, then from the working directory.
    Raises InputError for a script or data that cannot be read, or that hold no pair of atoms.
    """
    smallest = min((_of_system(system) for system in _systems(Path(script))), default=np.inf)
    if not np.isfinite(smallest):
        raise InputError(f"{script}: no two atoms within {_CUTOFFS[-1]} angstrom in its data")
    if smallest <= 0:
        raise InputError(f"{script}: two atoms of its data lie on each other; clean the data")
    return float(smallest)


def _systems(script: Path) -> list[System]:
    if not script.is_file():
        raise InputError(f"{script}: no such file; expected the training input (.json)")
    try:
        training = json.loads(script.read_text())["training"]
        names: Any = training.get("training_data", training)["systems"]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"{script}: no training/systems or training/training_data/systems in it; "
            "expected DeePMD-kit's input.json, or give --min-nbor-dist"
        ) from None
    names = [names] if isinstance(names, str) else names
    places = [[script.parent / name, Path(name)] for name in names]
    return find_systems(next((p for p in pair if p.is_dir()), pair[0]) for pair in places)


def _of_system(system: System) -> float:
    ntypes = int(system.atype.max(initial=0)) + 1
    names = system.type_map or [str(k) for k in range(ntypes)]
    return min((_of_frame(frame) for frame in system.frames(names)), default=np.inf)


def _of_frame(frame: Frame) -> float:
    coord = frame.coord[frame.atype >= 0]
    if not np.isfinite(coord).all():
        raise InputError("training data hold a coordinate that is no number; clean the data")
    if len(coord) == 0:
        return np.inf
    for cutoff in _CUTOFFS:
        cell = np.zeros((3, 3)) if frame.cell is None else checked_cell(frame.cell, cutoff)
        finder = NeighborList(cutoff=cutoff, full_list=False)
        (distance,) = finder.compute(coord, cell, frame.cell is not None, "d")
        if len(distance):
            return float(distance.min())
    return np.inf

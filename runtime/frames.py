# SPDX-License-Identifier: LGPL-3.0-or-later
"""The arrays a caller passes to eval, in any of the shapes DeePMD-kit accepts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import InputError
from .session import first_line


def as_frames(
    coords: Any, cells: Any, atom_types: Any, mixed_type: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """coords (nframes, natoms, 3), cells (nframes, 3, 3) or None, types (nframes, natoms)."""
    coords = _numbers("coords", coords, np.float64)
    types = np.asarray(atom_types)
    if types.size and types.dtype.kind not in "iu":
        raise InputError(f"atom_types has dtype {types.dtype}; expected integers")
    types = types.astype(np.int32)
    natoms = types.shape[-1] if types.ndim else 0
    if cells is not None:
        cells = _numbers("cells", cells, np.float64)
        if cells.size % 9:
            raise InputError(f"cells has shape {cells.shape}; expected (nframes, 9) or None")
        cells = cells.reshape(-1, 3, 3)
    if natoms:
        if coords.size % (3 * natoms):
            raise InputError(
                f"coords has shape {coords.shape}; expected (nframes, {natoms}, 3) for the "
                f"{natoms} atoms in atom_types, or flattened"
            )
        coords = coords.reshape(-1, natoms, 3)
    else:
        if coords.size:
            raise InputError(f"coords has shape {coords.shape}, but atom_types names no atoms")
        nframes = coords.shape[0] if coords.ndim > 1 else (1 if cells is None else len(cells))
        coords = np.zeros((nframes, 0, 3))
    nframes = len(coords)
    if cells is not None and len(cells) != nframes:
        raise InputError(f"cells holds {len(cells)} frames, coords {nframes}; expected as many")
    if mixed_type:
        if types.shape != (nframes, natoms):
            raise InputError(
                f"atom_types has shape {types.shape}; expected ({nframes}, {natoms}): mixed_type"
            )
        return coords, cells, types
    if types.size != natoms:
        raise InputError(
            f"atom_types has shape {types.shape}; expected (natoms,), or mixed_type=True"
        )
    return coords, cells, np.broadcast_to(types.reshape(1, natoms), (nframes, natoms))


def as_parameters(
    name: str, value: Any, nframes: int, atoms: tuple[int, ...], width: int
) -> np.ndarray:
    """fparam or aparam as (nframes, *atoms, width), from any of the shapes eval accepts."""
    shape = (nframes, *atoms, width)
    if value is None:
        if width and nframes * int(np.prod(atoms)):
            raise InputError(f"{name} is missing; this model expects shape {shape}")
        return np.zeros(shape)
    value = _numbers(name, value, np.float64)
    if width == 0 and value.size:
        raise InputError(f"{name} has shape {value.shape}, but this model takes none; leave it out")
    for skip in range(len(shape)):
        if value.size == int(np.prod(shape[skip:])):
            return np.ascontiguousarray(np.broadcast_to(value.reshape(shape[skip:]), shape))
    raise InputError(f"{name} has shape {value.shape}; expected {shape}, {shape[1:]} or less")


def as_pbc(pbc: Any, cells: np.ndarray | None) -> np.ndarray | None:
    """Whether periodic along each cell vector, (3,) int32; None: along all, or there is no cell."""
    if pbc is None:
        return None
    along = np.asarray(pbc)
    if along.dtype.kind != "b" or along.shape not in ((), (3,)):
        raise InputError(f"pbc is {pbc!r}; expected a bool, or one for each cell vector")
    along = np.broadcast_to(along, 3)
    if cells is None:
        if along.any():
            raise InputError(f"pbc is {pbc!r}, but cells is None; pass the cells")
        return None
    return np.ascontiguousarray(along, dtype=np.int32)


def _numbers(name: str, value: Any, dtype: type) -> np.ndarray:
    try:
        return np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not an array of numbers: {first_line(error)}") from None

# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeePMD-kit's data folders: type.raw, type_map.raw, nopbc, set.*/{coord,box,...}.npy.

The same layout inside an HDF5 file is read, too: file.hdf5#/group (storage.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .errors import InputError
from .storage import Storage, find_places, open_storage

LABELS = ("energy", "force", "virial")


@dataclass(frozen=True)
class Frame:
    """One frame of a system, atoms in the order of the files.

    coord (natoms, 3) angstrom;  cell (3, 3) angstrom or None;  atype (natoms,) int32, -1: virtual
    fparam (dfparam,) and aparam (natoms, daparam), or None
    labels: those of energy (1,) eV, force (natoms, 3) eV/angstrom, virial (9,) eV on disk, and
    others that System.frames was asked for, (width,)
    """

    coord: np.ndarray
    cell: np.ndarray | None
    atype: np.ndarray
    fparam: np.ndarray | None = None
    aparam: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """A folder with type.raw. atype (natoms,): indices into type_map (None: into the model's)."""

    path: Path
    atype: np.ndarray
    type_map: tuple[str, ...] | None
    periodic: bool
    sets: tuple[Storage, ...]

    @classmethod
    def open(cls, place: str | Path | Storage) -> System:
        """Read type.raw and type_map.raw. Raises InputError saying which file is wrong."""
        folder = open_storage(place) if isinstance(place, str | Path) else place
        if not folder.has("type.raw"):
            raise InputError(
                f"{folder.path}: no type.raw; expected a system in DeePMD-kit's format"
            )
        types = folder.where("type.raw")
        try:
            atype = np.array(folder.words("type.raw"), dtype=np.int32)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{types}: {error}; expected one type index an atom") from None
        type_map = None
        if folder.has("type_map.raw"):
            type_map = tuple(folder.words("type_map.raw"))
        if type_map is not None and atype.size and atype.max() >= len(type_map):
            names = folder.where("type_map.raw")
            raise InputError(f"{types}: type {atype.max()} but {names} has {len(type_map)} names")
        sets = tuple(folder.folders("set.*"))
        if not sets:
            raise InputError(f"{folder.path}: no set.* folder; expected set.000/coord.npy")
        return cls(folder.path, atype, type_map, not folder.has("nopbc"), sets)

    def count(self) -> int:
        """Frames in all sets, from the sizes of the arrays; a set that cannot be read has 0."""
        width = max(3 * len(self.atype), 1)
        return sum(s.size("coord.npy") // width for s in self.sets if s.has("coord.npy"))

    def frames(
        self, type_map: Sequence[str] | None, labels: Sequence[str] = LABELS
    ) -> Iterator[Frame]:
        """Every frame, its types as indices into type_map (a model's); None: as on disk.

        labels: which to read where they are on disk; atom_X may be atomic_X.npy there.
        Raises InputError for files that are missing or do not fit, and for unknown types.
        """
        index = self._remap(type_map)
        for folder in self.sets:
            yield from self._frames_of_set(folder, index, labels)

    def _remap(self, type_map: Sequence[str] | None) -> np.ndarray | None:
        """Index into type_map of each of the system's type indices, -1 if the model lacks it."""
        if type_map is None:
            return None
        if self.type_map is None:
            return np.arange(len(type_map), dtype=np.int32)
        where = {name: k for k, name in enumerate(type_map)}
        return np.array([where.get(name, -1) for name in self.type_map], dtype=np.int32)

    def _types(self, found: np.ndarray, index: np.ndarray | None, file: Path) -> np.ndarray:
        """Types of the file -> types of the model; negative ones stay virtual."""
        if index is None:
            return np.maximum(found, -1).astype(np.int32)
        if found.size and found.max() >= len(index):
            raise InputError(f"{file}: type {found.max()}; expected 0 to {len(index) - 1}")
        types = np.where(found < 0, -1, index[found])
        unknown = np.flatnonzero((found >= 0) & (types < 0))
        if len(unknown):
            name = self.type_map[found[unknown[0]]] if self.type_map else "?"
            raise InputError(
                f"{self.path}: type {name!r} is not in the model's type map; the system has "
                f"{' '.join(self.type_map or ())}. Use data of the model's elements"
            )
        return types.astype(np.int32)

    def _frames_of_set(
        self, folder: Storage, index: np.ndarray | None, names: Sequence[str]
    ) -> Iterator[Frame]:
        natoms = len(self.atype)
        coord = _load(folder, "coord", None, (natoms, 3))
        nframes = len(coord)
        cell = _load(folder, "box", nframes, (3, 3)) if self.periodic else None
        fparam = _load(folder, "fparam", nframes, (-1,), optional=True)
        aparam = _load(folder, "aparam", nframes, (natoms, -1), optional=True)
        shapes = {"energy": (1,), "force": (natoms, 3), "virial": (9,)}
        labels = {
            key: _load(
                folder, _on_disk(folder, key), nframes, shapes.get(key, (-1,)), optional=True
            )
            for key in names
        }
        if folder.has("real_atom_types.npy"):
            found = _load(folder, "real_atom_types", nframes, (natoms,)).astype(np.int64)
            file = folder.where("real_atom_types.npy")
            types = [self._types(row, index, file) for row in found]
        else:
            types = [self._types(self.atype, index, self.path / "type.raw")] * nframes
        for k in range(nframes):
            yield Frame(
                coord=np.asarray(coord[k], dtype=np.float64),
                cell=None if cell is None else np.asarray(cell[k], dtype=np.float64),
                atype=types[k],
                fparam=None if fparam is None else np.asarray(fparam[k], dtype=np.float64),
                aparam=None if aparam is None else np.asarray(aparam[k], dtype=np.float64),
                labels={key: value[k] for key, value in labels.items() if value is not None},
            )


def find_systems(
    paths: str | Path | Iterable[str | Path], patterns: list[str] | None = None
) -> list[System]:
    """Systems at and below each path, sorted by path, each once.

    A path is a folder, an HDF5 file or file.hdf5#/group; a system is what holds type.raw.
    patterns: only folders below that fit one of them, as Path.rglob does.
    Raises InputError if a path holds no system.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    found: dict[object, System] = {}
    for top in paths:
        places = list(find_places(top, patterns))
        if not places:
            fitting = f" of the folders {patterns}" if patterns else ""
            raise InputError(
                f"{top}: no type.raw in it or below{fitting}; expected DeePMD-kit's format"
            )
        for place in places:
            if place.key not in found:
                found[place.key] = System.open(place)
    return list(found.values())


def _on_disk(folder: Storage, name: str) -> str:
    """The name of a label's file: DeePMD-kit writes atom_X and atomic_X."""
    if name.startswith("atom_") and not folder.has(f"{name}.npy"):
        return name.replace("atom_", "atomic_", 1)
    return name


def _load(
    folder: Storage,
    name: str,
    nframes: int | None,
    shape: tuple[int, ...],
    optional: bool = False,
) -> np.ndarray | None:
    """An array as (nframes, *shape). -1 in shape: whatever is there."""
    file = folder.where(f"{name}.npy")
    if not folder.has(f"{name}.npy"):
        if optional:
            return None
        raise InputError(f"{file}: no such file; expected an array of shape (nframes, ...)")
    data = folder.array(f"{name}.npy")
    width = int(np.prod([n for n in shape if n >= 0]))
    if nframes is None:
        nframes = len(data) if data.ndim > 1 else data.size // max(width, 1)
    free = -1 in shape
    fits = data.size % max(nframes * width, 1) == 0 if free else data.size == nframes * width
    if not fits:
        wanted = ", ".join("*" if n < 0 else str(n) for n in (nframes, *shape))
        raise InputError(f"{file}: shape {data.shape}; expected ({wanted}), flattened or not")
    rest = data.size // max(nframes * width, 1)
    return data.reshape(nframes, *(rest if n < 0 else n for n in shape))

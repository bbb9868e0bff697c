# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeePMD-kit's data folders: type.raw, type_map.raw, nopbc, set.*/{coord,box,...}.npy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .errors import InputError

LABELS = ("energy", "force", "virial")


@dataclass(frozen=True)
class Frame:
    """One frame of a system, atoms in the order of the files.

    coord (natoms, 3) angstrom;  cell (3, 3) angstrom or None;  atype (natoms,) int32, -1: virtual
    fparam (dfparam,) and aparam (natoms, daparam), or None
    labels: those of energy (1,) eV, force (natoms, 3) eV/angstrom, virial (9,) eV on disk
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
    sets: tuple[Path, ...]

    @classmethod
    def open(cls, path: str | Path) -> System:
        """Read type.raw and type_map.raw. Raises InputError saying which file is wrong."""
        path = Path(path)
        types = path / "type.raw"
        if not types.is_file():
            raise InputError(f"{path}: no type.raw; expected a system in DeePMD-kit's format")
        try:
            atype = np.array(types.read_text().split(), dtype=np.int32)
        except (ValueError, OverflowError) as error:
            raise InputError(f"{types}: {error}; expected one type index an atom") from None
        names = path / "type_map.raw"
        type_map = tuple(names.read_text().split()) if names.is_file() else None
        if type_map is not None and atype.size and atype.max() >= len(type_map):
            raise InputError(f"{types}: type {atype.max()} but {names} has {len(type_map)} names")
        sets = tuple(sorted(folder for folder in path.glob("set.*") if folder.is_dir()))
        if not sets:
            raise InputError(f"{path}: no set.* folder; expected set.000/coord.npy")
        return cls(path, atype, type_map, not (path / "nopbc").is_file(), sets)

    def frames(self, type_map: Sequence[str]) -> Iterator[Frame]:
        """Every frame, its types as indices into type_map (a model's).

        Raises InputError for files that are missing or do not fit, and for unknown types.
        """
        index = self._remap(type_map)
        for folder in self.sets:
            yield from self._frames_of_set(folder, index)

    def _remap(self, type_map: Sequence[str]) -> np.ndarray:
        """Index into type_map of each of the system's type indices, -1 if the model lacks it."""
        if self.type_map is None:
            return np.arange(len(type_map), dtype=np.int32)
        where = {name: k for k, name in enumerate(type_map)}
        return np.array([where.get(name, -1) for name in self.type_map], dtype=np.int32)

    def _types(self, found: np.ndarray, index: np.ndarray, file: Path) -> np.ndarray:
        """Types of the file -> types of the model; negative ones stay virtual."""
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

    def _frames_of_set(self, folder: Path, index: np.ndarray) -> Iterator[Frame]:
        natoms = len(self.atype)
        coord = _load(folder / "coord.npy", None, (natoms, 3))
        nframes = len(coord)
        cell = _load(folder / "box.npy", nframes, (3, 3)) if self.periodic else None
        fparam = _load(folder / "fparam.npy", nframes, (-1,), optional=True)
        aparam = _load(folder / "aparam.npy", nframes, (natoms, -1), optional=True)
        shapes = {"energy": (1,), "force": (natoms, 3), "virial": (9,)}
        labels = {
            key: _load(folder / f"{key}.npy", nframes, shapes[key], optional=True) for key in LABELS
        }
        mixed = folder / "real_atom_types.npy"
        if mixed.is_file():
            found = _load(mixed, nframes, (natoms,)).astype(np.int64)
            types = [self._types(row, index, mixed) for row in found]
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


def find_systems(paths: str | Path | Iterable[str | Path]) -> list[System]:
    """Systems at or below each path, sorted by path, each once.

    A folder with type.raw is one system; any other is searched. Raises InputError if it holds none.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    found: dict[Path, System] = {}
    for top in map(Path, paths):
        if not top.is_dir():
            raise InputError(f"{top}: no such folder; expected a system or a folder of systems")
        if (top / "type.raw").is_file():
            folders = [top]
        else:
            folders = sorted(file.parent for file in top.rglob("type.raw"))
        if not folders:
            raise InputError(f"{top}: no type.raw in it or below; expected DeePMD-kit's format")
        for folder in folders:
            found.setdefault(folder.resolve(), System.open(folder))
    return list(found.values())


def _load(
    file: Path, nframes: int | None, shape: tuple[int, ...], optional: bool = False
) -> np.ndarray | None:
    """A .npy file as (nframes, *shape), memory-mapped. -1 in shape: whatever is there."""
    if optional and not file.is_file():
        return None
    if not file.is_file():
        raise InputError(f"{file}: no such file; expected an array of shape (nframes, ...)")
    try:
        data = np.load(file, mmap_mode="r", allow_pickle=False)
        if data.dtype.kind not in "fiu":
            raise ValueError(f"dtype {data.dtype}")
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{file}: not a readable array of numbers ({error})") from None
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

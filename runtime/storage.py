# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where the files of a system lie: a folder on disk, or a group of an HDF5 file.

Both answer the same questions, so systems.py does not know which it reads. A place in an HDF5
file is written `file.hdf5#/group`, as DeePMD-kit does; without `#` it is the file's root.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError
from .session import first_line, import_extra


@dataclass(frozen=True)
class Folder:
    """A folder: arrays are NAME.npy, read as memory maps."""

    path: Path

    @property
    def key(self) -> object:
        """The same for two ways of writing the same place."""
        return self.path.resolve()

    def where(self, name: str) -> Path:
        """How messages call the file `name`."""
        return self.path / name

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def words(self, name: str) -> list[str]:
        """The words of a text file."""
        try:
            return (self.path / name).read_text().split()
        except UnicodeDecodeError as error:
            raise InputError(f"{self.where(name)}: {error}; expected a text file") from None

    def size(self, name: str) -> int:
        """Numbers in an array, without reading it."""
        return self.array(name).size

    def array(self, name: str) -> np.ndarray:
        """An array. Raises InputError for anything that is not one of numbers."""
        try:
            data = np.load(self.path / name, mmap_mode="r", allow_pickle=False)
            if not isinstance(data, np.ndarray):
                raise ValueError("an archive of several arrays")
        except (ValueError, OSError, EOFError) as error:
            raise _not_an_array(self.where(name), first_line(error)) from None
        return _numbers(self.where(name), data)

    def folders(self, pattern: str) -> list[Folder]:
        """The folders right below whose name fits the pattern, sorted."""
        return [Folder(p) for p in sorted(self.path.glob(pattern)) if p.is_dir()]

    def search(self, name: str) -> list[Folder]:
        """This folder and every one below that holds a file `name`, sorted.

        As DeePMD-kit: a link to a folder is looked into, but not what lies below it.
        """
        found = [self.path] if self.has(name) else []
        for top, folders, _ in os.walk(self.path):
            below = (Path(top, folder) for folder in folders)
            found += [folder for folder in below if (folder / name).is_file()]
        return [Folder(path) for path in sorted(found)]


@dataclass(frozen=True)
class Hdf5Group:
    """A group of an HDF5 file: arrays are data sets, texts too. Needs h5py."""

    path: Path
    group: Any

    @property
    def key(self) -> object:
        return Path(self.group.file.filename).resolve(), self.group.name

    def where(self, name: str) -> Path:
        return self.path / name

    def has(self, name: str) -> bool:
        return name in self.group and hasattr(self.group[name], "dtype")

    def words(self, name: str) -> list[str]:
        values = np.asarray(self.group[name][()]).ravel().tolist()
        return [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values]

    def size(self, name: str) -> int:
        return int(self.group[name].size)

    def array(self, name: str) -> np.ndarray:
        try:
            data = np.asarray(self.group[name][()])
        except (OSError, TypeError, ValueError) as error:
            raise _not_an_array(self.where(name), first_line(error)) from None
        return _numbers(self.where(name), data)

    def folders(self, pattern: str) -> list[Hdf5Group]:
        fits = sorted(name for name in self.group if fnmatch(name, pattern))
        return [self._below(name) for name in fits if not self.has(name)]

    def search(self, name: str) -> list[Hdf5Group]:
        places = [""] if self.has(name) else []
        self.group.visit(
            lambda below: places.append(below) if self.has(f"{below}/{name}") else None
        )
        return [self._below(place) if place else self for place in sorted(places)]

    def _below(self, name: str) -> Hdf5Group:
        return Hdf5Group(self.path / name, self.group[name])


Storage = Folder | Hdf5Group


def open_storage(place: str | Path) -> Storage:
    """A folder, an HDF5 file or `file.hdf5#/group`. Raises InputError for anything else."""
    path = Path(place)
    if path.is_dir():
        return Folder(path)
    name, _, group = str(place).partition("#")
    if not os.path.isfile(name):
        raise InputError(
            f"{place}: no such folder; expected a system, a folder of systems or file.hdf5#/group"
        )
    h5py = import_extra("h5py", "data", f"{place}: reading HDF5")
    try:
        file = h5py.File(name, "r")
    except OSError as error:
        raise InputError(
            f"{name}: not a readable HDF5 file ({first_line(error)}); expected a system's folder "
            "or an HDF5 file"
        ) from None
    group = group.strip("/") or "/"
    if group != "/" and (group not in file or hasattr(file[group], "dtype")):
        inside = " ".join(sorted(file)[:8]) or "nothing"
        raise InputError(f"{place}: no such group; {name} holds {inside}")
    root = Path(name + "#")
    return Hdf5Group(root if group == "/" else root / group, file[group])


def find_places(place: str | Path, patterns: list[str] | None = None) -> Iterator[Storage]:
    """The systems at or below a place; with patterns, only those whose folders fit one."""
    top = open_storage(place)
    for found in top.search("type.raw"):
        if patterns is None or any(_fits(found, top, pattern) for pattern in patterns):
            yield found


def _fits(found: Storage, top: Storage, pattern: str) -> bool:
    """Whether Path(top).rglob(pattern) finds it."""
    below = found.path.relative_to(top.path)
    return below != Path(".") and below.match(pattern)


def _numbers(where: Path, data: np.ndarray) -> np.ndarray:
    if data.dtype.kind not in "fiu":
        raise _not_an_array(where, f"dtype {data.dtype}")
    return data


def _not_an_array(where: Path, why: str) -> InputError:
    return InputError(f"{where}: not a readable array of numbers ({why})")

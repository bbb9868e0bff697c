# SPDX-License-Identifier: LGPL-3.0-or-later
"""Output files appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ..runtime.errors import InputError


class Outputs:
    """A hidden folder beside the targets holds them until commit() moves each into its place.

    Inside it the files have their final names, so that a model finds its data file there, too.
    Refuses at once what would only fail at the end: a target that is the input, a folder, or
    in a folder that is missing or not writable.
    """

    def __init__(self, input: Path, targets: list[Path]):
        self._targets = list(targets)
        self._folders: dict[Path, Path] = {}  # target's folder -> hidden folder in it
        if len({t.resolve() for t in targets}) != len(targets):
            raise InputError(f"{targets[0]} would be written twice; give two names")
        for target in targets:
            if target.resolve() == input.resolve():
                raise InputError(f"{target} is the input; give another name for the output")
            if target.is_dir():
                raise InputError(f"{target} is a directory; expected the name of a file to write")
            if not target.parent.is_dir():
                raise InputError(f"{target} cannot be written: {target.parent} is no directory")

    def __enter__(self) -> Outputs:
        for target in self._targets:
            try:
                if target.parent not in self._folders:
                    name = tempfile.mkdtemp(prefix=".dponnx-", dir=target.parent)
                    self._folders[target.parent] = Path(name)
                self.temporary(target).touch()
            except OSError as e:
                self._remove()
                raise InputError(f"{target} cannot be written: {e.strerror}") from e
        return self

    def __exit__(self, *error) -> None:
        self._remove()

    def temporary(self, target: Path) -> Path:
        """Where the target lies until commit()."""
        return self._folders[target.parent] / target.name

    def add(self, target: Path) -> Path:
        """One more target, beside one of the others. Returns its temporary place."""
        self._targets.append(target)
        return self.temporary(target)

    def drop(self, target: Path) -> None:
        """This target will not be written after all."""
        self._targets.remove(target)

    def write(self, target: Path, *parts: bytes) -> None:
        """The parts, one after the other."""
        try:
            with open(self.temporary(target), "wb") as f:
                for part in parts:
                    f.write(part)
                f.flush()
                os.fsync(f.fileno())
        except OSError as e:
            size = sum(memoryview(p).nbytes for p in parts)
            raise InputError(f"{target} cannot be written ({size} bytes): {e.strerror}") from e

    def commit(self) -> None:
        """All targets appear, with the permissions a plain open() would have given them."""
        for target in self._targets:
            try:
                self.temporary(target).replace(target)
            except OSError as e:
                raise InputError(f"{target} cannot be written: {e.strerror}") from e

    def _remove(self) -> None:
        for folder in self._folders.values():
            shutil.rmtree(folder, ignore_errors=True)
        self._folders.clear()

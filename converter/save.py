# SPDX-License-Identifier: LGPL-3.0-or-later
"""Output files appear complete or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ..runtime.errors import InputError


class Outputs:
    """Temporary files beside their targets, renamed to them by commit(), removed otherwise.

    Refuses at once what would only fail at the end: a target that is the input, a folder, or
    in a folder that is missing or not writable.
    """

    def __init__(self, input: Path, targets: list[Path]):
        self._targets = targets
        self._temporary: dict[Path, Path] = {}
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
        try:
            for target in self._targets:
                handle, name = tempfile.mkstemp(
                    prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent
                )
                os.close(handle)
                self._temporary[target] = Path(name)
        except OSError as e:
            self._remove()
            raise InputError(f"{target} cannot be written: {e.strerror}") from e
        return self

    def __exit__(self, *error) -> None:
        self._remove()

    def temporary(self, target: Path) -> Path:
        return self._temporary[target]

    def write(self, target: Path, data: bytes) -> None:
        try:
            with open(self._temporary[target], "wb") as f:
                f.write(data)
                f.flush()
                os.fsync(f.fileno())
        except OSError as e:
            raise InputError(f"{target} cannot be written ({len(data)} bytes): {e.strerror}") from e

    def commit(self) -> None:
        """All targets appear, with the permissions a plain open() would have given them."""
        umask = os.umask(0)
        os.umask(umask)
        for target, temporary in self._temporary.items():
            try:
                temporary.chmod(0o666 & ~umask)
                temporary.replace(target)
            except OSError as e:
                raise InputError(f"{target} cannot be written: {e.strerror}") from e
        self._temporary.clear()

    def _remove(self) -> None:
        for temporary in self._temporary.values():
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._temporary.clear()

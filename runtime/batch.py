# SPDX-License-Identifier: LGPL-3.0-or-later
"""All frames of a system as arrays, with the parameters a model takes and the labels asked for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from .deep_eval import DeepEval
from .errors import InputError
from .systems import Frame, System

log = logging.getLogger("dponnx")


@dataclass(frozen=True)
class Batch:
    """Frames in the order of the files.

    coord (nframes, natoms, 3) angstrom;  cell (nframes, 3, 3) or None;  types (nframes, natoms),
    -1: virtual atom;  fparam, aparam: as the model takes them, or None
    labels: (nframes, ...) of those on disk in every set, as in Frame
    """

    name: str
    coord: np.ndarray
    cell: np.ndarray | None
    types: np.ndarray
    fparam: np.ndarray | None = None
    aparam: np.ndarray | None = None
    labels: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def nframes(self) -> int:
        return self.types.shape[0]

    @property
    def natoms(self) -> int:
        """Atoms of a frame, virtual ones included, as DeePMD-kit counts them."""
        return self.types.shape[1]

    def select(self, frames: np.ndarray) -> Batch:
        """These frames only, by index, in this order."""

        def pick(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[frames]

        return Batch(
            name=self.name,
            coord=self.coord[frames],
            cell=pick(self.cell),
            types=self.types[frames],
            fparam=pick(self.fparam),
            aparam=pick(self.aparam),
            labels={key: value[frames] for key, value in self.labels.items()},
        )

    def evaluate(self, model: DeepEval, method: str = "eval", **options: Any) -> Any:
        """model.eval, or another method of it with the same arguments, for all frames."""
        return getattr(model, method)(
            self.coord,
            self.cell,
            self.types,
            fparam=self.fparam,
            aparam=self.aparam,
            mixed_type=True,
            **options,
        )


def read_batch(
    system: System, model: DeepEval, labels: Sequence[str], limit: int | None = None
) -> Batch:
    """Every frame of a system, or the first ones, types as the model counts them.

    Raises InputError for systems without frames or parameters that the model needs, and for
    files that do not fit.
    """
    frames = list(islice(system.frames(model.get_type_map() or None, labels), limit))
    if not frames:
        raise InputError(f"{system.path}: no frames in its coord.npy; expected at least one")
    if not len(system.atype):
        raise InputError(f"{system.path}: no atoms in its type.raw; expected at least one")
    for name, width in (("fparam", model.get_dim_fparam()), ("aparam", model.get_dim_aparam())):
        if width and any(getattr(frame, name) is None for frame in frames):
            raise InputError(f"{system.path}: no {name}.npy; {model.info.name} takes {width}")
    return Batch(
        name=str(system.path),
        coord=np.stack([frame.coord for frame in frames]),
        cell=np.stack([frame.cell for frame in frames]) if system.periodic else None,
        types=np.stack([frame.atype for frame in frames]),
        fparam=_parameter(frames, "fparam") if model.get_dim_fparam() else None,
        aparam=_parameter(frames, "aparam") if model.get_dim_aparam() else None,
        labels={
            name: _stack(system, name, [frame.labels[name] for frame in frames])
            for name in labels
            if _in_every_set(system, name, frames)
        },
    )


def _parameter(frames: list[Frame], name: str) -> np.ndarray:
    return np.stack([getattr(frame, name) for frame in frames])


def _in_every_set(system: System, name: str, frames: list[Frame]) -> bool:
    """Whether each frame has the label; says so if only some have."""
    count = sum(name in frame.labels for frame in frames)
    if 0 < count < len(frames):
        log.warning("%s: %s.npy is missing in some sets; not used", system.path, name)
    return count == len(frames)


def _stack(system: System, name: str, rows: list[np.ndarray]) -> np.ndarray:
    if len({row.shape for row in rows}) > 1:
        raise InputError(f"{system.path}: {name}.npy has another width in another set")
    return np.stack(rows).astype(np.float64)

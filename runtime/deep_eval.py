# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeepEval: what the models of every type share. An open model, its metadata, frame by frame."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError
from .frames import as_frames, as_parameters, as_pbc
from .library import Handle
from .metadata import Described, ModelInfo, read_info
from .overflow import Monitor, Overflow
from .session import cuda_device, default_threads

log = logging.getLogger("dponnx")

if TYPE_CHECKING:
    from typing_extensions import Self

# model type: the class that opens it
CLASSES = {"ener": "DeepPot", "dipole": "DeepDipole", "polar": "DeepPolar", "dos": "DeepDOS"}


@dataclass(frozen=True)
class Frames:
    """coords (nframes, natoms, 3) angstrom, cells (nframes, 3, 3) or None, types (nframes,
    natoms), fparam (nframes, dim_fparam), aparam (nframes, natoms, dim_aparam), pbc (3,) int32:
    whether periodic along each cell vector, None: along all."""

    coords: np.ndarray
    cells: np.ndarray | None
    types: np.ndarray
    fparam: np.ndarray
    aparam: np.ndarray
    pbc: np.ndarray | None


class DeepEval(Described):
    """A model in ONNX Runtime.

    threads: within one operator; default DP_INTRA_OP_PARALLELISM_THREADS, then OMP_NUM_THREADS,
    then ONNX Runtime's choice. device: "cpu", "cuda", "cuda:N", or "auto": CUDA where it can be
    used, otherwise the CPU, which a log line explains; default DPONNX_DEVICE, then "cpu".
    overflow: what to do when a model compressed with -f N meets inputs its tables were not made
    for: "ignore", "warn", "error".
    Raises InputError (no such file, onnxruntime or the device missing, a model of another type),
    ModelFormatError (not one of ours).
    """

    MODEL_TYPE = ""

    def __init__(
        self,
        model_path: str | Path,
        *,
        threads: int | None = None,
        device: str | None = None,
        overflow: str = "warn",
    ) -> None:
        info = read_info(model_path)
        self._monitor = Monitor(info, overflow)
        self._open(str(model_path), info, threads, device)

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        name: str = "model",
        *,
        threads: int | None = None,
        device: str | None = None,
    ) -> Self:
        """A model that was never written to disk; name is used in messages."""
        self = cls.__new__(cls)
        info = read_info(bytes(data), name)
        self._monitor = Monitor(info, "warn")
        self._open(bytes(data), info, threads, device)
        return self

    def _open(
        self, model: str | bytes, info: ModelInfo, threads: int | None, device: str | None
    ) -> None:
        threads = default_threads() if threads is None else threads
        if threads < 0:
            raise InputError(f"threads is {threads}; expected an integer >= 0 (0: default)")
        if info.model_type != self.MODEL_TYPE:
            right = CLASSES.get(info.model_type)
            advice = f"open it with dponnx.{right}" if right else "upgrade dponnx"
            raise InputError(
                f"{info.name}: model type is {info.model_type!r}; "
                f"{type(self).__name__} reads {self.MODEL_TYPE}: {advice}"
            )
        self.info = info
        self._model = Handle(model, info.name, threads=threads, cuda_device=cuda_device(device))
        if self._model.device_note:
            log.warning("%s: runs on the CPU: %s", info.name, self._model.device_note)

    @property
    def device(self) -> str:
        """Where the model runs: "cpu", "cuda:0", ..."""
        return self._model.device

    def overflow(self) -> Overflow:
        """What the last overflow check found; empty if all was well or nothing is checked."""
        return self._monitor.last

    @property
    def metadata(self) -> Mapping[str, str]:
        """Every metadata entry of the model file (docs/format.md)."""
        return self.info.props

    def frames(
        self,
        coords: Any,
        cells: Any,
        atom_types: Any,
        fparam: Any = None,
        aparam: Any = None,
        mixed_type: bool = False,
        pbc: Any = None,
    ) -> Frames:
        """The caller's arrays, checked and shaped; see eval."""
        coords, cells, types = as_frames(coords, cells, atom_types, mixed_type)
        nframes, natoms = types.shape
        fparam = as_parameters("fparam", fparam, nframes, (), self.info.dim_fparam)
        aparam = as_parameters("aparam", aparam, nframes, (natoms,), self.info.dim_aparam)
        return Frames(coords, cells, types, fparam, aparam, as_pbc(pbc, cells))

    def evaluate(self, frames: Frames, results: dict[str, np.ndarray]) -> None:
        """Fills results, whose first axis is the frames: energy (nframes, k), force (nframes, k,
        natoms, 3), virial (nframes, k, 9), atom_energy (nframes, natoms, k), atom_virial
        (nframes, k, natoms, 9), for the k components of what the model predicts. All contiguous
        float64; those left out are not computed."""
        for k in range(len(frames.types)):
            inputs = {
                "coord": frames.coords[k],
                "type": frames.types[k],
                "box": None if frames.cells is None else frames.cells[k],
                "fparam": frames.fparam[k],
                "aparam": frames.aparam[k],
                "along": frames.pbc,
            }
            where = f"frame {k}: "
            self._model.compute(
                {
                    name: None if a is None else np.ascontiguousarray(a)
                    for name, a in inputs.items()
                },
                {name: array[k] for name, array in results.items()},
                where,
            )
            if self._model.ntables:
                found = self._model.overflow(len(self.info.tables), self.info.ntypes)
                self._monitor.note(*found, f"{self.info.name}, {where.strip(': ')}")

# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeepPot: energies, forces and virials of a converted model, with DeePMD-kit's `eval`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DponnxError, InputError
from .metadata import ModelInfo, read_info
from .neighbors import Neighborhood, build_neighborhood
from .overflow import Monitor, Overflow
from .session import default_threads, first_line, open_session


class DeepPot:
    """A potential energy model in ONNX Runtime.

    >>> model = DeepPot("water.onnx")
    >>> e, f, v = model.eval(coords, cells, atom_types)

    threads: within one operator; default DP_INTRA_OP_PARALLELISM_THREADS, then OMP_NUM_THREADS,
    then ONNX Runtime's choice. device: "cpu", "cuda" or "cuda:N". overflow: what to do when a
    model compressed with -f N meets inputs its tables were not made for: "ignore", "warn", "error".
    Raises InputError (no such file, onnxruntime missing), ModelFormatError (not one of ours).
    """

    def __init__(
        self,
        model_path: str | Path,
        *,
        threads: int | None = None,
        device: str = "cpu",
        overflow: str = "warn",
    ) -> None:
        info = read_info(model_path)
        self._monitor = Monitor(info, overflow)
        self._open(str(model_path), info, threads, device)

    @classmethod
    def from_bytes(
        cls, data: bytes, name: str = "model", *, threads: int | None = None, device: str = "cpu"
    ) -> DeepPot:
        """A model that was never written to disk; name is used in messages."""
        self = cls.__new__(cls)
        info = read_info(bytes(data), name)
        self._monitor = Monitor(info, "warn")
        self._open(bytes(data), info, threads, device)
        return self

    def _open(self, model: str | bytes, info: ModelInfo, threads: int | None, device: str) -> None:
        threads = default_threads() if threads is None else threads
        if threads < 0:
            raise InputError(f"threads is {threads}; expected an integer >= 0 (0: default)")
        self.info = info
        self._threads = threads
        self._session = open_session(model, info.name, threads, device)
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._outputs = {node.name for node in self._session.get_outputs()}

    def get_rcut(self) -> float:
        """Cutoff radius in angstrom."""
        return self.info.rcut

    def get_ntypes(self) -> int:
        """Number of atom types."""
        return self.info.ntypes

    def get_type_map(self) -> list[str]:
        """Name of each atom type, in the order of the type indices."""
        return list(self.info.type_map)

    def get_dim_fparam(self) -> int:
        """Number of frame parameters; 0: the model takes none."""
        return self.info.dim_fparam

    def get_dim_aparam(self) -> int:
        """Number of parameters an atom; 0: the model takes none."""
        return self.info.dim_aparam

    def get_sel(self) -> list[int]:
        """Most neighbours of each type that the model regards."""
        return list(self.info.sel)

    def overflow(self) -> Overflow:
        """What the last overflow check found; empty if all was well or nothing is checked."""
        return self._monitor.last

    @property
    def metadata(self) -> Mapping[str, str]:
        """Every metadata entry of the model file (docs/format.md)."""
        return self.info.props

    def eval(
        self,
        coords: Any,
        cells: Any,
        atom_types: Any,
        atomic: bool = False,
        fparam: Any = None,
        aparam: Any = None,
        mixed_type: bool = False,
    ) -> tuple[np.ndarray, ...]:
        """Energies, forces and virials; arguments and results as deepmd.infer.DeepPot.eval.

        coords      (nframes, natoms, 3) or flattened, angstrom
        cells       (nframes, 3, 3) or flattened, rows are the box vectors; None: not periodic
        atom_types  (natoms,), or (nframes, natoms) if mixed_type; negative: virtual atom
        fparam      (nframes, dim_fparam) or (dim_fparam,)
        aparam      (nframes, natoms, dim_aparam), (natoms, dim_aparam) or (dim_aparam,)

        Returns energy (nframes, 1) eV, force (nframes, natoms, 3) eV/angstrom, virial
        (nframes, 9) eV; if atomic also atom energy (nframes, natoms, 1), atom virial
        (nframes, natoms, 9). Virtual atoms have zeros.
        Raises InputError for arrays that do not fit, DponnxError where ONNX Runtime fails.
        """
        coords, cells, types = _frames(coords, cells, atom_types, mixed_type)
        nframes, natoms = types.shape
        fparam = _parameters("fparam", fparam, nframes, (), self.info.dim_fparam)
        aparam = _parameters("aparam", aparam, nframes, (natoms,), self.info.dim_aparam)
        energy = np.zeros((nframes, 1))
        force = np.zeros((nframes, natoms, 3))
        virial = np.zeros((nframes, 9))
        atom_energy = np.zeros((nframes, natoms, 1))
        atom_virial = np.zeros((nframes, natoms, 9))
        for k in range(nframes):
            where = f"{self.info.name}, frame {k}"
            try:
                hood = build_neighborhood(
                    coords[k],
                    None if cells is None else cells[k],
                    types[k],
                    self.info.rcut,
                    self.info.ntypes,
                    self._threads,
                )
            except InputError as error:
                raise InputError(f"frame {k}: {error}") from None
            if hood.nloc == 0:
                continue
            out = self._run(hood, atomic, fparam[k], aparam[k], where)
            energy[k] = out["energy"]
            force[k] = hood.fold(out["force"], natoms)
            virial[k] = out["virial"].reshape(9)
            if atomic:
                atom_energy[k] = hood.fold(out["atom_energy"].reshape(-1, 1), natoms)
                atom_virial[k] = hood.fold(out["atom_virial"].reshape(-1, 9), natoms)
        if atomic:
            return energy, force, virial, atom_energy, atom_virial
        return energy, force, virial

    def _run(
        self,
        hood: Neighborhood,
        atomic: bool,
        fparam: np.ndarray,
        aparam: np.ndarray,
        where: str,
    ) -> dict[str, np.ndarray]:
        """Outputs of one frame by name, rows as in hood."""
        feeds = {
            "coord": hood.coord,
            "atype": hood.atype,
            "natoms": hood.natoms,
            "nlist": hood.nlist,
        }
        if "fparam" in self._inputs:
            feeds["fparam"] = fparam
        if "aparam" in self._inputs:
            feeds["aparam"] = np.ascontiguousarray(aparam[hood.owner[: hood.nloc]])
        names = ["energy", "force", "virial"]
        if atomic:
            names += ["atom_energy", "atom_virial"]
            feeds["want_atom_virial"] = np.array([True])
        checked = "table_overflow" in self._outputs
        if checked:
            names += ["table_overflow", "sel_overflow"]
        try:
            out = dict(zip(names, self._session.run(names, feeds), strict=True))
        except Exception as error:
            raise DponnxError(f"{where}: ONNX Runtime failed: {first_line(error)}") from error
        if checked:
            self._monitor.note(out["table_overflow"], out["sel_overflow"], where)
        return out


def _frames(
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


def _parameters(
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


def _numbers(name: str, value: Any, dtype: type) -> np.ndarray:
    try:
        return np.asarray(value, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not an array of numbers: {first_line(error)}") from None

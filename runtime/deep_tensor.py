# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeepDipole, DeepPolar, DeepDOS: models of atomic tensors, with DeePMD-kit's `eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .deep_eval import CLASSES, DeepEval
from .deep_pot import DeepPot
from .errors import ModelFormatError
from .metadata import read_info


class AtomicTensor(DeepEval):
    """What DeepTensor and DeepDOS share: k numbers an atom of the selected types, and their sum."""

    def get_sel_type(self) -> np.ndarray:
        """Types of the atoms that have the quantity; others have zeros."""
        return np.array(self.info.sel_type)


class DeepTensor(AtomicTensor):
    """A model of a tensor with k components. Options and failures: see DeepEval."""

    @property
    def output_tensor_name(self) -> str:
        """dipole or polar."""
        return self.MODEL_TYPE

    def eval(
        self,
        coords: Any,
        cells: Any,
        atom_types: Any,
        atomic: bool = True,
        fparam: Any = None,
        aparam: Any = None,
        mixed_type: bool = False,
    ) -> np.ndarray:
        """Tensors of the atoms (nframes, natoms, k), or of the frames (nframes, k) if not atomic;
        arguments and results as deepmd.infer's, shapes as DeepPot.eval's."""
        frames = self.frames(coords, cells, atom_types, fparam, aparam, mixed_type)
        nframes, natoms = frames.types.shape
        k = self.info.output_dim
        result = np.zeros((nframes, natoms, k) if atomic else (nframes, k))
        self.evaluate(frames, {"atom_energy" if atomic else "energy": result})
        return result

    def eval_full(
        self,
        coords: Any,
        cells: Any,
        atom_types: Any,
        atomic: bool = False,
        fparam: Any = None,
        aparam: Any = None,
        mixed_type: bool = False,
    ) -> tuple[np.ndarray, ...]:
        """The frames' tensors T and the negative derivatives of each component.

        Returns T (nframes, k), -dT/dr (nframes, k, natoms, 3) per angstrom, virial
        -dT/d(strain) (nframes, k, 9); if atomic also the atoms' tensors (nframes, natoms, k) and
        the atoms' virials (nframes, k, natoms, 9). Arguments as eval's.
        """
        frames = self.frames(coords, cells, atom_types, fparam, aparam, mixed_type)
        nframes, natoms = frames.types.shape
        k = self.info.output_dim
        results = {
            "energy": np.zeros((nframes, k)),
            "force": np.zeros((nframes, k, natoms, 3)),
            "virial": np.zeros((nframes, k, 9)),
        }
        if atomic:
            results["atom_energy"] = np.zeros((nframes, natoms, k))
            results["atom_virial"] = np.zeros((nframes, k, natoms, 9))
        self.evaluate(frames, results)
        return tuple(results.values())


class DeepDipole(DeepTensor):
    """Dipoles: k = 3."""

    MODEL_TYPE = "dipole"


class DeepPolar(DeepTensor):
    """Polarisabilities: k = 9, row by row."""

    MODEL_TYPE = "polar"


class DeepDOS(AtomicTensor):
    """Densities of states on a grid of numb_dos energies. Options and failures: see DeepEval."""

    MODEL_TYPE = "dos"

    def get_numb_dos(self) -> int:
        """Number of points of the energy grid."""
        return self.info.output_dim

    @property
    def numb_dos(self) -> int:
        """Number of points of the energy grid."""
        return self.get_numb_dos()

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
        """The frames' densities of states (nframes, numb_dos); if atomic also the atoms'
        (nframes, natoms, numb_dos). Arguments as DeepPot.eval's."""
        frames = self.frames(coords, cells, atom_types, fparam, aparam, mixed_type)
        nframes, natoms = frames.types.shape
        results = {"energy": np.zeros((nframes, self.numb_dos))}
        if atomic:
            results["atom_energy"] = np.zeros((nframes, natoms, self.numb_dos))
        self.evaluate(frames, results)
        return tuple(results.values())


def open_model(path: str | Path, **options: Any) -> DeepEval:
    """A model of any type, opened with the class for it; options as DeepEval's.

    Raises what that class raises, and ModelFormatError for a model type it does not know."""
    info = read_info(path)
    for kind in (DeepPot, DeepDipole, DeepPolar, DeepDOS):
        if info.model_type == kind.MODEL_TYPE:
            return kind(path, **options)
    raise ModelFormatError(
        f"{path}: model type is {info.model_type!r}; expected one of {', '.join(CLASSES)}"
    )

# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeepPot: energies, forces and virials of a converted model, with DeePMD-kit's `eval`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .deep_eval import DeepEval


class DeepPot(DeepEval):
    """A potential energy model in ONNX Runtime.

    >>> model = DeepPot("water.onnx")
    >>> e, f, v = model.eval(coords, cells, atom_types)

    Options and failures: see DeepEval.
    """

    MODEL_TYPE = "ener"

    def eval(
        self,
        coords: Any,
        cells: Any,
        atom_types: Any,
        atomic: bool = False,
        fparam: Any = None,
        aparam: Any = None,
        mixed_type: bool = False,
        pbc: Any = None,
    ) -> tuple[np.ndarray, ...]:
        """Energies, forces and virials; arguments and results as deepmd.infer.DeepPot.eval's, and
        pbc.

        coords      (nframes, natoms, 3) or flattened, angstrom
        cells       (nframes, 3, 3) or flattened, rows are the box vectors; None: not periodic
        atom_types  (natoms,), or (nframes, natoms) if mixed_type; negative: virtual atom
        fparam      (nframes, dim_fparam) or (dim_fparam,)
        aparam      (nframes, natoms, dim_aparam), (natoms, dim_aparam) or (dim_aparam,)
        pbc         (3,) bool, whether periodic along each cell vector; default: along all. The
                    other vectors may be anything, also zero

        Returns energy (nframes, 1) eV, force (nframes, natoms, 3) eV/angstrom, virial
        (nframes, 9) eV; if atomic also atom energy (nframes, natoms, 1), atom virial
        (nframes, natoms, 9). Virtual atoms have zeros.
        Raises InputError for arrays that do not fit, DponnxError where ONNX Runtime fails.
        """
        frames = self.frames(coords, cells, atom_types, fparam, aparam, mixed_type, pbc)
        nframes, natoms = frames.types.shape
        results = {
            "energy": np.zeros((nframes, 1)),
            "force": np.zeros((nframes, natoms, 3)),
            "virial": np.zeros((nframes, 9)),
        }
        if atomic:
            results["atom_energy"] = np.zeros((nframes, natoms, 1))
            results["atom_virial"] = np.zeros((nframes, natoms, 9))
        self.evaluate(frames, results)
        return tuple(results.values())

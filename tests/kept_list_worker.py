# SPDX-License-Identifier: LGPL-3.0-or-later
"""Evaluates given frames, one after the other by one DeepPot and each by one of its own.

    python kept_list_worker.py MODEL FRAMES.npz OUT.npz        with libvesin counted

FRAMES: coord (nframes, natoms, 3), box (nframes, 3, 3), pbc (nframes, 3), atype (nframes, natoms).
OUT: of both ways kept_X and fresh_X, X energy, force, virial, atom_energy and atom_virial; and of
each frame of the first way searches (how many) and cutoff (of the last search, angstrom).
"""

from __future__ import annotations

import ctypes
import os
import sys

import numpy as np
from dponnx import DeepPot

NAMES = ("energy", "force", "virial", "atom_energy", "atom_virial")


def main(model: str, frames: str, out: str) -> None:
    counted = ctypes.CDLL(os.environ["DPONNX_VESIN_LIBRARY"])
    counted.counted_cutoff.restype = ctypes.c_double
    kept, results = DeepPot(model, threads=1), {}
    with np.load(frames) as given:
        for frame in zip(given["coord"], given["box"], given["pbc"], given["atype"], strict=True):
            before = counted.counted_searches()
            found = evaluate(kept, *frame)
            found["searches"] = counted.counted_searches() - before
            found["cutoff"] = counted.counted_cutoff()
            fresh = evaluate(DeepPot(model, threads=1), *frame)
            for name, value in found.items():
                results.setdefault(f"kept_{name}" if name in NAMES else name, []).append(value)
            for name, value in fresh.items():
                results.setdefault(f"fresh_{name}", []).append(value)
    np.savez(out, **{name: np.stack(values) for name, values in results.items()})


def evaluate(model: DeepPot, coord, box, pbc, atype) -> dict:
    cell = box[None] if pbc.any() else None
    values = model.eval(coord[None], cell, atype, atomic=True, pbc=pbc if pbc.any() else None)
    return dict(zip(NAMES, (v[0] for v in values), strict=True))


if __name__ == "__main__":
    main(*sys.argv[1:])

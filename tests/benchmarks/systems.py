# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the benchmarks evaluate: boxes of water and of copper, as arrays, as LAMMPS's data file, and
as the inputs of an ONNX model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import copper
import numpy as np
from dponnx.runtime.neighbors import find_pairs
from lammps_runs import write_data

ROOT = Path(__file__).resolve().parents[2]
SKIN = 2.0  # angstrom of list beyond rcut, as LAMMPS has it


@dataclass(frozen=True)
class Bulk:
    """A periodic box: coord (n, 3) and box (3, 3) in angstrom, atype (n,) into elements."""

    elements: tuple[str, ...]
    masses: tuple[float, ...]
    coord: np.ndarray
    box: np.ndarray
    atype: np.ndarray

    def repeated(self, copies: int) -> Bulk:
        """copies^3 of it, side by side."""
        shifts = np.stack(np.meshgrid(*[range(copies)] * 3), -1).reshape(-1, 3)
        coord = (self.coord[None] + (shifts @ self.box)[:, None]).reshape(-1, 3)
        atype = np.tile(self.atype, len(shifts))
        return replace(self, coord=coord, box=self.box * copies, atype=atype)

    def write(self, path: Path) -> None:
        """LAMMPS's data file."""
        write_data(path, self.coord, self.atype, self.box)


def water() -> Bulk:
    """64 molecules of the liquid."""
    folder = ROOT / "fixtures" / "water"
    coord = np.load(folder / "set.000" / "coord.npy")[0].reshape(-1, 3).astype(float)
    box = np.load(folder / "set.000" / "box.npy")[0].reshape(3, 3).astype(float)
    atype = np.loadtxt(folder / "type.raw", dtype=int)
    return Bulk(("O", "H"), (15.999, 1.008), coord, box, atype)


def molecule() -> Bulk:
    """One of them, alone in a box of 30 angstrom."""
    liquid = water()
    inverse = np.linalg.inv(liquid.box)
    apart = liquid.coord - liquid.coord[0]
    apart -= np.round(apart @ inverse) @ liquid.box
    distance = np.where(liquid.atype == 1, np.linalg.norm(apart, axis=1), np.inf)
    chosen = [0, *np.argsort(distance)[:2]]
    return replace(liquid, coord=apart[chosen] + 10, box=np.eye(3) * 30, atype=np.array([0, 1, 1]))


def hot_copper() -> Bulk:
    """192 atoms, fcc with thermal noise."""
    coord, box = copper.crystal(0)
    return Bulk(("Cu",), (63.546,), coord, box, np.zeros(len(coord), int))


def bulk_of(model: str) -> Bulk:
    """What a model of this name is timed on, 192 atoms."""
    return hot_copper() if model == "copper" else water()


def feeds(bulk: Bulk, rcut: float) -> dict[str, np.ndarray]:
    """Inputs of a model (docs/format.md) for a box, listed up to rcut + SKIN."""
    order = np.argsort(bulk.atype, kind="stable")
    coord, types = bulk.coord[order], bulk.atype[order].astype(np.int32)
    coord -= np.floor(coord @ np.linalg.inv(bulk.box)) @ bulk.box
    i, j, shift = find_pairs(coord, bulk.box, rcut + SKIN, "ijS", 1)
    images, row = np.unique(np.column_stack([j.astype(int), shift]), axis=0, return_inverse=True)
    local = ~images[:, 1:].any(axis=1)
    number = np.where(local, images[:, 0], len(coord) + np.cumsum(~local) - 1)
    counts = np.bincount(i, minlength=len(coord))
    nlist = np.full((len(coord), counts.max()), -1, np.int32)
    by_atom = np.argsort(i, kind="stable")
    nlist[np.arange(nlist.shape[1]) < counts[:, None]] = number[row.ravel()][by_atom]
    ghosts = images[~local]
    natoms = [len(coord), len(coord) + len(ghosts), *np.bincount(types)]
    return {
        "coord": np.concatenate([coord, coord[ghosts[:, 0]] + ghosts[:, 1:] @ bulk.box]),
        "atype": np.concatenate([types, types[ghosts[:, 0]]]),
        "natoms": np.array(natoms, np.int32),
        "nlist": nlist,
    }

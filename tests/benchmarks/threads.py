# SPDX-License-Identifier: LGPL-3.0-or-later
"""Time of one step of few and of many atoms, on one thread and on two.

    python tests/benchmarks/threads.py compressed.onnx [other.onnx ...] [--repeat 200] [--block 0]

One molecule of water alone (3 atoms), 192 and 1536 atoms of the liquid (stages.py has the frames),
by libdponnx with a neighbour list at hand, as an MD engine calls it: energy, forces, virial. Both
must give the same numbers. The median and the fastest of the wall-clock times count, of two rounds
in turns. On a busy machine the fastest tells more, and the second thread less than it would alone.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from ctypes import POINTER, c_double, c_int32, c_void_p
from pathlib import Path

import numpy as np
from dponnx.runtime.library import Options, Result, System, check, library, onnxruntime_library
from dponnx.runtime.metadata import read_info

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # lammps_runs.py
from systems import feeds, molecule, water


class NeighborList(ctypes.Structure):
    """dponnx_nlist of dponnx.h."""

    _fields_ = [
        ("inum", c_int32),
        ("ilist", c_void_p),
        ("numneigh", c_void_p),
        ("firstneigh", c_void_p),
        ("mask", c_int32),
        ("ago", c_int32),
    ]


class Step:
    """One frame, its list already known to the library but for the first call."""

    def __init__(self, inputs: dict[str, np.ndarray]):
        self.nloc, nall = int(inputs["natoms"][0]), len(inputs["coord"])
        self.coord = np.ascontiguousarray(inputs["coord"], float)
        self.types = inputs["atype"].astype(np.int32)
        self.rows = np.ascontiguousarray(inputs["nlist"], np.int32)
        self.rows = np.ascontiguousarray(-np.sort(-self.rows, axis=1))  # -1 last
        self.atoms = np.arange(self.nloc, dtype=np.int32)
        self.counts = (self.rows >= 0).sum(axis=1).astype(np.int32)
        at = self.rows.ctypes.data + self.rows.strides[0] * np.arange(self.nloc)
        self.first = at.astype(np.uintp)
        arrays = (self.atoms, self.counts, self.first)
        self.list = NeighborList(self.nloc, *(a.ctypes.data for a in arrays))
        self.force = np.zeros((nall, 3))
        self.energy, self.virial = np.zeros(1), np.zeros(9)
        self.system = System(
            natoms=self.nloc,
            nghost=nall - self.nloc,
            coord=self.coord.ctypes.data,
            type=self.types.ctypes.data,
            nlist=ctypes.addressof(self.list),
        )
        to = POINTER(c_double)
        found = {"energy": self.energy, "force": self.force, "virial": self.virial}
        self.result = Result(**{k: v.ctypes.data_as(to) for k, v in found.items()})

    def run(self, handle: c_void_p) -> float:
        """Seconds."""
        start = time.perf_counter()
        status = library().dponnx_compute(handle, self.system, self.result)
        seconds = time.perf_counter() - start
        check(status)
        self.list.ago = 1
        return seconds


def open_model(path: Path, threads: int, block: int) -> c_void_p:
    options = Options(ort_library=onnxruntime_library(), threads=threads, block=block)
    handle = c_void_p()
    check(library().dponnx_open(str(path).encode(), options, ctypes.byref(handle)))
    return handle


def microseconds(inputs: dict, handles: list[c_void_p], repeat: int) -> np.ndarray:
    """[repeat, handles]. Two rounds, each model in one go: its matrices then stay in the cache."""
    steps = [Step(inputs) for _ in handles]
    found: list[list[float]] = [[] for _ in handles]
    for _ in range(2):
        for step, handle, times in zip(steps, handles, found, strict=True):
            for _ in range(3):
                step.run(handle)
            times += [step.run(handle) * 1e6 for _ in range(repeat)]
    np.testing.assert_array_equal(steps[0].force, steps[-1].force)
    return np.array(found).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=200, help="steps of the smallest frame")
    parser.add_argument("--block", type=int, default=0, help="atoms at once; 0: libdponnx chooses")
    args = parser.parse_args()
    for path in args.models:
        print(f"{path}\n{'atoms':>8}{'1 thread, us':>24}{'2 threads, us':>24}{'ratio':>14}")
        handles = [open_model(path, threads, args.block) for threads in (1, 2)]
        rcut = read_info(path).rcut
        for bulk in (molecule(), water(), water().repeated(2)):
            inputs = feeds(bulk, rcut)
            atoms = int(inputs["natoms"][0])
            found = microseconds(inputs, handles, max(10, args.repeat * 10 // (10 + atoms)))
            median, fastest = np.median(found, axis=0), found.min(axis=0)
            columns = [f"{m:.0f} (fastest {f:.0f})" for m, f in zip(median, fastest, strict=True)]
            ratios = (f"{t[0] / t[1]:.2f}" for t in (median, fastest))
            print(f"{atoms:>8}{columns[0]:>24}{columns[1]:>24}{' '.join(ratios):>14}")
        for handle in handles:
            library().dponnx_close(handle)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Time of one evaluation of few and of many atoms, on one thread and on two.

    python tests/benchmarks/threads.py compressed.onnx [other.onnx ...] [--repeat 200]

One molecule of water alone (3 atoms), 192 and 1536 atoms of the liquid (stages.py has the frames),
in ONNX Runtime, without neighbour lists. Both sessions must give the same numbers; then they run in
turns, and the median and the fastest of their wall-clock times count. On a busy machine the fastest
tells more, and the second thread less than it would alone.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from dponnx.runtime.metadata import read_info
from stages import feeds, session


def molecule() -> dict[str, np.ndarray]:
    """The inputs of one molecule of water: types O, H, H."""
    coord = np.array([[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]])
    nlist = np.array([[1, 2], [0, 2], [0, 1]], np.int32)
    atype = np.array([0, 1, 1], np.int32)
    return {"coord": coord, "atype": atype, "nlist": nlist, "natoms": np.array([3, 3, 1, 2])}


def frames(rcut: float) -> list[dict[str, np.ndarray]]:
    several = [molecule(), feeds(rcut, 1), feeds(rcut, 2)]
    return [
        {k: v.astype(float if k == "coord" else np.int32) for k, v in f.items()} for f in several
    ]


def times(sessions: list, inputs: dict[str, np.ndarray], repeat: int) -> np.ndarray:
    """Microseconds [repeat, sessions], measured in turns; the first few runs are left out."""
    found = np.zeros((repeat + 5, len(sessions)))
    for row in found:
        for k, run in enumerate(sessions):
            start = time.perf_counter()
            run.run(None, inputs)
            row[k] = (time.perf_counter() - start) * 1e6
    return found[5:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=200, help="runs of the smallest frame")
    args = parser.parse_args()
    for path in args.models:
        print(f"{path}\n{'atoms':>8}{'1 thread, us':>24}{'2 threads, us':>24}{'ratio':>14}")
        sessions = [session(str(path), threads=n) for n in (1, 2)]
        for inputs in frames(read_info(path).rcut):
            for one, two in zip(*(s.run(None, inputs) for s in sessions), strict=True):
                np.testing.assert_array_equal(one, two)
            atoms = int(inputs["natoms"][0])
            found = times(sessions, inputs, max(10, args.repeat * 10 // (10 + atoms)))
            median, fastest = np.median(found, axis=0), found.min(axis=0)
            columns = [f"{m:.0f} (fastest {f:.0f})" for m, f in zip(median, fastest, strict=True)]
            ratios = (f"{t[0] / t[1]:.2f}" for t in (median, fastest))
            print(f"{atoms:>8}{columns[0]:>24}{columns[1]:>24}{' '.join(ratios):>14}")


if __name__ == "__main__":
    main()

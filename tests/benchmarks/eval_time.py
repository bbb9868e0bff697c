# SPDX-License-Identifier: LGPL-3.0-or-later
"""Seconds of DeepPot.eval, ours or DeePMD-kit's, as JSON. A process of its own: calls.py runs it.
Between calls each atom swings, 0.2 angstrom far and at most 0.02 a step: inside the skin of a list
that is kept (runtime/src/kept_listing.h).

    python eval_time.py {dponnx,deepmd} MODEL SYSTEM.npz SECONDS THREADS

Threads of DeePMD-kit are those of the environment.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from itertools import count

import numpy as np

MODULES = {"dponnx": "dponnx", "deepmd": "deepmd.infer"}


def main() -> None:
    engine, path, system, seconds, threads = sys.argv[1:]
    options = {"threads": int(threads)} if engine == "dponnx" else {}
    model = import_module(MODULES[engine]).DeepPot(path, **options)
    with np.load(system) as arrays:
        coord, box, atype = arrays["coord"], arrays["box"][None], arrays["atype"]
    swing = np.random.default_rng(0).normal(size=coord.shape)
    swing *= 0.2 / np.linalg.norm(swing, axis=1, keepdims=True)
    energy = float(model.eval(coord[None], box, atype)[0].item())
    times: list[float] = []
    for step in count(1):
        frame = (coord + np.sin(0.1 * step) * swing)[None]
        start = time.perf_counter()
        model.eval(frame, box, atype)
        if step > 2:  # what is done once is done
            times.append(time.perf_counter() - start)
        if sum(times) > float(seconds) and len(times) > 2:
            break
    print(json.dumps({"energy": energy, "seconds": times}))


if __name__ == "__main__":
    main()

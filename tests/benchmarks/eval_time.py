# SPDX-License-Identifier: LGPL-3.0-or-later
"""Seconds of DeepPot.eval, ours or DeePMD-kit's, as JSON. A process of its own: calls.py runs it.

    python eval_time.py {dponnx,deepmd} MODEL SYSTEM.npz SECONDS THREADS

Threads of DeePMD-kit are those of the environment.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module

import numpy as np

MODULES = {"dponnx": "dponnx", "deepmd": "deepmd.infer"}


def main() -> None:
    engine, path, system, seconds, threads = sys.argv[1:]
    options = {"threads": int(threads)} if engine == "dponnx" else {}
    model = import_module(MODULES[engine]).DeepPot(path, **options)
    with np.load(system) as arrays:
        frame = arrays["coord"][None], arrays["box"][None], arrays["atype"]
    energy = float(model.eval(*frame)[0].item())
    model.eval(*frame)
    times: list[float] = []
    while sum(times) < float(seconds) or len(times) < 3:
        start = time.perf_counter()
        model.eval(*frame)
        times.append(time.perf_counter() - start)
    print(json.dumps({"energy": energy, "seconds": times}))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Wall and CPU time and peak memory of `dponnx compress` beside `dp compress`, in turns, as JSON.

    python tests/benchmarks/compress_cost.py ../shared/models/sea/graph.pb [--repeat 5]

The outputs of both are compared with the original (force, eV/angstrom) before anything counts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

PEERS = {
    "dp compress": [sys.executable, "-m", "deepmd", "--tf", "compress"],
    "dponnx compress": [sys.executable, "-m", "dponnx.runtime.cli", "compress"],
}


MEASURED = ("seconds", "cpu_seconds", "peak_MB")


def measure(command: list[str], folder: Path) -> tuple[float, float, float]:
    """MEASURED of one run; MB of the process's peak resident set. On a busy machine CPU time tells
    more than wall time."""
    start = time.perf_counter()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{(folder / 'log').read_text()}")
    wall, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    return wall, cpu, usage.ru_maxrss * 1024 / 1e6


def check(graph: Path, folder: Path) -> dict[str, float]:
    """Largest force error of each frozen-TF output on a frame of water, eV/angstrom."""
    import numpy as np
    from deepmd.infer import DeepPot

    water = Path(__file__).resolve().parents[2] / "fixtures" / "water"
    coord, box = (np.load(water / "set.000" / f"{k}.npy")[:1] for k in ("coord", "box"))
    atype = np.loadtxt(water / "type.raw", dtype=int)
    original = DeepPot(str(graph)).eval(coord, box, atype)[1]
    return {
        name: float(
            np.abs(DeepPot(str(folder / f"{i}.pb")).eval(coord, box, atype)[1] - original).max()
        )
        for i, name in enumerate(PEERS)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    graph = options.graph.resolve()
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for _ in range(options.repeat):
            for i, (peer, command) in enumerate(PEERS.items()):
                runs[peer].append(measure([*command, "-i", str(graph), "-o", f"{i}.pb"], folder))
        errors = check(graph, folder)
    result: dict = {
        "model": str(options.graph),
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
        "versions": {p: version(p) for p in ("dponnx", "deepmd-kit", "tensorflow-cpu")},
    }
    for peer, values in runs.items():
        result[peer] = {
            key: {"median": statistics.median(found), "spread": max(found) - min(found)}
            for key, found in zip(MEASURED, zip(*values, strict=True), strict=True)
        }
        result[peer]["force_error"] = errors[peer]
    ours, peer = result["dponnx compress"], result["dp compress"]
    result["ratio"] = {k: peer[k]["median"] / ours[k]["median"] for k in MEASURED}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

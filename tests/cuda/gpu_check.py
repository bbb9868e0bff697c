# SPDX-License-Identifier: LGPL-3.0-or-later
"""Everything to be found out on a machine with a GPU, in one run, as JSON.

    python tests/cuda/gpu_check.py --out FOLDER [--model NAME=FILE.onnx ...]

1. build the stand-alone harness (harness.cu), run it, alone, under compute-sanitizer's memcheck and
   racecheck, and for the times of the kernels;
2. `pytest -k cuda` where dponnx and onnxruntime-gpu are installed;
3. time the models, microseconds an atom and step, atoms and list on the device, ago > 0.

Needs no network. Stages whose needs are missing are recorded as such; exit code 1 if one failed.
--emulated runs stage 3 on the emulation with few atoms, to try the script itself: all that has been
run of it so far. It has NOT run on a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from systems import Bulk

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "benchmarks")]
SIZES = [1_000, 10_000, 100_000, 1_000_000]
STEPS = 10
SKIN = 1.0  # angstrom, of the list kept over the steps


def shell(*command: object, limit: int = 540, **variables: str) -> dict:
    """A program's exit code, time and the end of what it printed."""
    started = time.perf_counter()
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=ROOT, env=os.environ | variables, timeout=limit,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        code, output = done.returncode, done.stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        code, output = 1, str(error)
    seconds = round(time.perf_counter() - started, 1)
    return {"ok": code == 0, "seconds": seconds, "command": command, "output": output[-4000:]}


def harness(folder: Path, sizes: list[int]) -> dict[str, dict]:
    """Stage 1. Built by nvcc alone: neither ONNX Runtime's headers nor Python's are needed."""
    source, ours = ROOT / "tests" / "cuda" / "harness.cu", ROOT / "custom_ops"
    for needed in (source.is_file() and source, shutil.which("nvcc")):
        if not needed:
            return {"harness": {"missing": "tests/cuda/harness.cu or nvcc"}}
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "harness"
    paths = [f"-I{path}" for path in (ours, ours / "include", ours / "src", ours / "cuda")]
    host = [ours / "cuda" / f"{name}.cc" for name in ("device", "device_table", "gemm")]
    names = ("dispatch", "isa_scalar", "laid_table", "neighbors")
    host += [ours / "src" / f"{name}.cc" for name in names]
    kernels = sorted((ours / "cuda").glob("*.cu"))
    options = ["-std=c++17", "-O3", "--extended-lambda", "-arch=native", "-lineinfo", *paths]
    sources = [source, *kernels, *host]
    stages = {"build": shell("nvcc", *options, "-o", program, *sources, "-ldl")}
    stages["harness"] = shell(program)
    for tool in ("memcheck", "racecheck"):
        checked = ("compute-sanitizer", "--tool", tool, "--error-exitcode", "9", program)
        found = shutil.which(checked[0])
        stages[tool] = shell(*checked) if found else {"missing": checked[0]}
    stages["kernels"] = shell(program, *sizes)
    return stages


def system(model: object, atoms: int) -> Bulk:
    """About that many atoms: copper for models of one type, water for others."""
    from systems import hot_copper, water

    bulk = hot_copper() if len(model.get_type_map()) == 1 else water()
    return bulk.repeated(max(1, round((atoms / len(bulk.coord)) ** (1 / 3))))


def timing(device: object, path: Path, atoms: int, name: str) -> dict:
    """One model and size. Forces of the last step are checked to add up to nothing."""
    from cuda_library import Evaluation
    from dponnx import DeepPot

    model = DeepPot(path, device=name)
    bulk = system(model, atoms)
    n, reach = len(bulk.coord), model.get_rcut() + SKIN
    started = time.perf_counter()
    rows, first, count, table = device.neighbors(bulk.coord, bulk.box, [1, 1, 1], reach)
    listing = time.perf_counter() - started
    owner = np.concatenate([np.arange(n), np.repeat(np.arange(n), np.diff(first))])
    run = Evaluation(device, model, rows, bulk.atype[owner], count, table)
    run.step(ago=0)
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        run.step(ago=1)
        seconds.append(time.perf_counter() - started)
    force = run.force.get()
    per_atom = 1e6 / n
    return {
        "atoms": n,
        "ghosts": len(rows) - n,
        "precision": model.info.precision,
        "us_per_atom": float(np.median(seconds)) * per_atom,
        "spread_us": [min(seconds) * per_atom, max(seconds) * per_atom],
        "list_seconds": listing,
        "sum_of_forces": float(np.abs(force.sum(axis=0)).max()),
    }


def timings(models: list[str], sizes: list[int], emulated: bool) -> dict[str, dict]:
    """Stage 3."""
    try:
        from cuda_library import Device
        from dponnx.custom_ops import library_path

        library = library_path("dponnx_ops_emulated" if emulated else "dponnx_ops_cuda")
        if emulated:
            os.environ["DPONNX_CUDA_OPERATORS"] = str(library)
            os.environ.setdefault("DPONNX_OPERATORS", str(library_path("dponnx_ops")))
        device = Device(library)
    except Exception as error:
        return {"timings": {"missing": str(error)}}
    found: dict[str, dict] = {}
    for entry in models:
        name, _, path = entry.partition("=")
        for size in sizes:
            found[f"{name}, {size}"] = attempt(lambda p=path, s=size: timing(device, p, s, "cuda"))
    return found


def attempt(work: Callable[[], dict]) -> dict:
    """What work returns, or its error: one size too large for the memory ends no other stage."""
    try:
        return {"ok": True, **work()}
    except Exception as error:
        return {"ok": False, "error": str(error)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", ".")))
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "gpu_check")
    parser.add_argument("--emulated", action="store_true")
    args = parser.parse_args()
    report = {
        "machine": platform.platform(),
        "gpu": shell("nvidia-smi", "-L")["output"].strip(),
        "commit": shell("git", "rev-parse", "HEAD")["output"].strip(),
        "stages": {} if args.emulated else harness(args.build, args.sizes),
    }
    if not args.emulated:
        command = (sys.executable, "-m", "pytest", "-q", "-k", "cuda", "-p", "no:cacheprovider")
        report["stages"]["pytest"] = shell(*command)
    report["stages"] |= timings(args.model, args.sizes, args.emulated)
    args.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, default=str)
    (args.out / "gpu_check.json").write_text(text + "\n")
    print(text)
    return int(any(stage.get("ok") is False for stage in report["stages"].values()))


if __name__ == "__main__":
    sys.exit(main())

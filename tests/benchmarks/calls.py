# SPDX-License-Identifier: LGPL-3.0-or-later
"""What one step takes while atoms move little: DeepPot.eval in Python and the C libraries,
DeePMD-kit's and ours, at 3, 192 and 1,536 atoms; and of two threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from statistics import mean

import cmake_project
import lammps_runs as lmp
import numpy as np
import systems
from variants import Variant, check

FOLDER = Path(__file__).resolve().parent
SUFFIX = {"Python": "npz", "C++": "txt"}
LINE = "{model:9}{variant:12}{atoms:6} atoms {api:6} {threads} threads {us_step:10.0f} us a step"


def environment(variant: Variant, threads: int) -> dict[str, str]:
    """Variables of a run on so many threads."""
    values = lmp.environment(variant.peer) if variant.peer else dict(os.environ)
    for name in ("OMP_NUM_THREADS", "DP_INTRA_OP_PARALLELISM_THREADS"):
        values[name] = str(threads)
    return values | {"DP_INTER_OP_PARALLELISM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


def timed(command: list, env: dict[str, str], folder: Path) -> tuple[float, list[float]]:
    """Energy, and seconds of each step, as a command prints them in its last line."""
    done = subprocess.run(list(map(str, command)), env=env, cwd=folder, capture_output=True)
    if done.returncode:
        sys.exit(f"{command} failed:\n{done.stderr.decode()[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return found["energy"], found["seconds"]


def write(bulk: systems.Bulk, folder: Path, name: str) -> Path:
    """NAME.npz for eval_time.py and NAME.txt for step_time.cc."""
    np.savez(folder / f"{name}.npz", coord=bulk.coord, box=bulk.box, atype=bulk.atype)
    rows = np.column_stack([bulk.atype, bulk.coord]).tolist()
    lines = [str(len(rows)), " ".join(f"{x:.17g}" for x in bulk.box.ravel())]
    lines += ["{:.0f} {:.17g} {:.17g} {:.17g}".format(*row) for row in rows]
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder / name


def suits(variant: Variant, atoms: int, threads: int) -> bool:
    """Two threads where they can help: ours, at 1,536 atoms."""
    if threads > 1:
        return not variant.peer and variant.name != "plain" and atoms == 1536
    return variant.name != "plain"


def call(variant: Variant, api: str, program: Path) -> list:
    """The command that times a form, but for system, seconds, threads."""
    if api == "Python":
        library = "deepmd" if variant.peer else "dponnx"
        return [sys.executable, FOLDER / "eval_time.py", library, variant.path]
    library = lmp.module_folder("deepmd") / "lib" / "libdeepmd_c.so" if variant.peer else "dponnx"
    return [program, library, variant.path]


def latencies(forms: dict[str, Variant], seconds: float) -> Iterator[dict]:
    """A record for each form of a water model, size and way to call it; energies are compared."""
    liquid = systems.water()
    boxes = {3: systems.molecule(), 192: liquid, 1536: liquid.repeated(2)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = cmake_project.build(FOLDER / "native", folder / "native") / "step_time"
        for atoms, bulk in boxes.items():
            system, energies = write(bulk, folder, str(atoms)), {}
            for api, threads in product(("Python", "C++"), (1, 2)):
                for variant in forms.values():
                    if not suits(variant, atoms, threads):
                        continue
                    command = call(variant, api, program)
                    command += [f"{system}.{SUFFIX[api]}", seconds, threads]
                    energies[variant], times = timed(command, environment(variant, threads), folder)
                    yield {
                        "model": variant.model,
                        "variant": variant.name,
                        "atoms": atoms,
                        "api": api,
                        "threads": threads,
                        "us_step": 1e6 * mean(times),
                        "fastest_us_step": 1e6 * min(times),
                    }
                check(energies)

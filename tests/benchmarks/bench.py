# SPDX-License-Identifier: LGPL-3.0-or-later
"""Speed beside DeePMD-kit's, side by side in one run: its original graph and its own `dp compress`,
our plain, fused and mixed models, in LAMMPS, Python and C++.

    python tests/benchmarks/bench.py ../shared                   # everything, about ten minutes
    python tests/benchmarks/bench.py ../shared --models copper   # one model, in LAMMPS only
    python tests/benchmarks/bench.py ../shared --profile         # where the time goes, only

Energies are compared with the original's before anything counts. A whole run writes
docs/performance.json and .png and the tables of docs/performance.md; --out FILE puts JSON and
figure elsewhere. With --models, --step or --profile nothing is written unless --out says where.

systems.py and variants.py: what is evaluated, by which forms of a model (copper.py makes one);
dynamics.py: LAMMPS; calls.py with eval_time.py and native/: Python and C++; stages.py and flops.py:
kernels and arithmetic; report.py and chart.py: the page. accuracy.py, compress_cost.py and
lammps_nve.py are commands of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from dponnx.runtime.metadata import read_info

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # lammps_runs.py and others
import calls
import chart
import dynamics
import flops
import machine
import report
import stages
from systems import ROOT, bulk_of, feeds
from variants import MODELS, Variant, variants

PROFILED = {"sea": ("plain", "fused", "mixed"), "copper": ("fused", "mixed")}
FORMS = ("fused", "mixed")
Forms = dict[str, dict[str, Variant]]


def told(records: Iterable[dict], line: str) -> list[dict]:
    """The records, each printed as it comes."""
    found = []
    for record in records:
        print(line.format(**record), flush=True)
        found.append(record)
    return found


def profile(forms: Forms, repeat: int = 15) -> list[dict]:
    """Stages of the models of PROFILED, of others fused and mixed, in a block of 1,536 atoms."""
    records = []
    for model, named in forms.items():
        inputs = feeds(bulk_of(model).repeated(2), read_info(named["fused"].path).rcut)
        for form in PROFILED.get(model, FORMS):
            if form not in named:
                continue
            found = stages.stages(named[form].path, inputs, repeat)
            records.append({"model": model, "variant": form, "us_atom": found})
            print(f"{model}, {form}: microseconds an atom")
            for stage, us in found.items():
                print(f"  {stage:<28}{us:8.2f}", flush=True)
    return records


def mflop(model: str, named: dict[str, Variant]) -> float:
    """Arithmetic an atom (flops.py) of 192 atoms."""
    inputs = feeds(bulk_of(model), read_info(named["fused"].path).rcut)
    nodes = stages.node_times(named["plain"].path, inputs, 1)
    products = [(n.inputs, n.output) for n in nodes if n.op in ("MatMul", "Gemm", "FusedMatMul")]
    return flops.mflop_atom(onnx.load(named["fused"].path), products, inputs)


def overhead(data: dict, model: str) -> list[dict]:
    """What a whole step of 192 atoms takes beyond its kernels, by the fastest times of both.

    kernels: 192 times what all nodes take an atom in a block of 1,536. The rest is everything else:
    ONNX Runtime between the nodes and their less efficient small sizes, our runtime, the search for
    neighbours, the engine's integration and ghosts."""
    records, results = [], report.Results(data)
    for form in FORMS:
        found = next(
            r["us_atom"] for r in data["stages"] if (r["model"], r["variant"]) == (model, form)
        )
        kernels = 192 * (sum(found.values()) - found[stages.RUNTIME] - found[stages.WHOLE])
        where = {"model": model, "variant": form, "atoms": 192, "threads": 1}
        steps = {
            api: results.find("calls", "fastest_us_step", api=api, **where)
            for api in ("Python", "C++")
        }
        steps["LAMMPS"] = results.find("dynamics", "fastest_us_step", ranks=1, **where)
        for api, step in steps.items():
            record = {"variant": form, "api": api, "step_us": step, "kernels_us": kernels}
            records.append(record | {"rest_us": step - kernels})
    return records


def rate(records: list[dict], mflop_atom: dict[str, float], peaks: dict[str, float]) -> None:
    """Adds GFLOP/s a core, and the share of the GEMM peak of the precision, to our records."""
    for r in records:
        if r["variant"] in ("plain", *FORMS):
            single = r["variant"] == "mixed" or r["model"].endswith("f32")
            r["gflop_s_core"] = 1e3 * mflop_atom[r["model"]] / r["us_atom_core"]
            r["gemm_share"] = r["gflop_s_core"] / peaks["float32" if single else "float64"]


def measure(args: argparse.Namespace, folder: Path) -> dict:
    """Everything asked for."""
    start = time.perf_counter()

    def section(name: str) -> None:
        print(f"-- {time.perf_counter() - start:.0f} s: {name}", flush=True)

    about = machine.about()
    section("making the models")
    forms: Forms = {m: variants(m, args.shared, folder, args.step) for m in args.models}
    section("stages")
    settings = {key: getattr(args, key) for key in ("step", "turns", "runs", "seconds")}
    data: dict = {"machine": about, "settings": settings, "stages": profile(forms)}
    if args.profile:
        return data
    effort = dynamics.Effort(args.turns, args.runs, args.seconds)
    data["mflop_atom"] = {m: mflop(m, named) for m, named in forms.items()}
    data["dynamics"] = []
    for model, named in forms.items():
        section(f"LAMMPS, {model}")
        todo = dynamics.cases(first=model == args.models[0])
        records = dynamics.speeds(folder, bulk_of(model), named, todo, effort)
        data["dynamics"] += told(records, dynamics.LINE)
    first = args.models[0]
    if args.whole:
        section("memory")
        records = dynamics.memory(folder, bulk_of(first), forms[first])
        data["memory"] = told(records, "{model:9}{variant:12}{bytes_atom:10.0f} bytes an atom")
        section("calls from Python and C++")
        data["calls"] = told(calls.latencies(forms[first], args.seconds), calls.LINE)
        data["overhead"] = overhead(data, first)
    # The better of two: other work on the machine only slows it down.
    for name, peak in about["gemm_gflop_s"].items():
        about["gemm_gflop_s"][name] = max(peak, machine.gemm_peak(np.dtype(name).type))
    about["load_after"] = round(os.getloadavg()[0], 1)
    rate(data["dynamics"], data["mflop_atom"], about["gemm_gflop_s"])
    section("done")
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder that holds models/")
    parser.add_argument("--models", nargs="+", choices=MODELS, help="the first one at every size")
    parser.add_argument("--profile", action="store_true", help="stages only")
    parser.add_argument("--turns", type=int, default=1, help="processes of each measurement")
    parser.add_argument("--runs", type=int, default=3, help="runs timed in each process")
    parser.add_argument("--seconds", type=float, default=0.7, help="of each run")
    parser.add_argument("--step", type=float, help="of our tables, dp compress's is 0.01")
    parser.add_argument("--out", type=Path, help="file name, .json and .png are added")
    args = parser.parse_args()
    args.whole = not (args.models or args.profile or args.step)
    args.models = args.models or MODELS
    with tempfile.TemporaryDirectory() as folder:
        data = measure(args, Path(folder))
    out = args.out or (ROOT / "docs" / "performance" if args.whole else None)
    if out is None:
        return
    out.with_suffix(".json").write_text(json.dumps(data, indent=1) + "\n")
    if "dynamics" in data:
        chart.draw(data, out.with_suffix(".png"))
    if args.whole and args.out is None:
        report.update(ROOT / "docs" / "performance.md", data)


if __name__ == "__main__":
    main()

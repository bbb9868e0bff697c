# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where the time of one evaluation goes: microseconds per atom of each stage, on one core.

    python tests/benchmarks/stages.py compressed.onnx [other.onnx ...] [--repeat 20] [--copies 2]
                                      [--system water|copper] [--nodes]

The frame is 192 atoms, repeated --copies times along each axis, at rcut + 2 angstrom of list. Each
node's time is its fastest of all runs (ONNX Runtime's profile), so that a busy machine counts
little; `whole run` is the CPU time of the fastest run without profiling, `runtime` what the nodes
leave of it. With several models the largest force difference from the first is printed, first.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from dponnx.runtime.metadata import read_info
from machine import gemm_peak, session

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # lammps_runs.py
from systems import bulk_of, feeds

# A node belongs to the first stage whose pattern its operator, and the rank of its first input
# behind it, matches from the beginning: "MatMul 3" multiplies batches of small matrices.
STAGES = {
    "forces and virial": r"(Descriptor|TabulateFusion)\w*Grad |ProdForce|ProdVirial",
    "neighbours and tables": r"Descriptor|TabulateFusion|ProdEnvMat",
    "contraction D": r"Contract|(Fused)?MatMul [34]|Einsum",
    "fitting net": r"MatMul|Gemm|FusedMatMul|FusedGemm|\w*(Fitting|Dense|Layer|Linear)",
    "activations": r"Tanh|Sigmoid|Softplus|Erf|Exp",
}
OTHER, RUNTIME, WHOLE = "other nodes", "runtime", "whole run"


def stage_of(op: str, shapes: list[list[int]]) -> str:
    """The stage of a node, from its operator and the shapes of its inputs."""
    name = f"{op} {len(shapes[0]) if shapes else 0}"
    return next((stage for stage, pattern in STAGES.items() if re.match(pattern, name)), OTHER)


@dataclass
class NodeTime:
    """One node of a model: operator, shapes of its inputs and first output, fastest time."""

    op: str
    inputs: list[list[int]]
    output: list[int]
    us: float


def node_times(model: Path, inputs: dict[str, np.ndarray], repeat: int) -> list[NodeTime]:
    """Every node, from ONNX Runtime's profile of several runs."""
    with tempfile.TemporaryDirectory() as folder:
        profiled = session(str(model), os.path.join(folder, "profile"))
        for _ in range(repeat):
            profiled.run(None, inputs)
        events = json.loads(Path(profiled.end_profiling()).read_text())
    nodes: dict[str, NodeTime] = {}
    for event in events:
        if event.get("cat") != "Node" or not event["name"].endswith("_kernel_time"):
            continue
        about = event["args"]
        key, took = about["op_name"] + event["name"], float(event["dur"])
        if key not in nodes:
            taken, given = (
                [list(shape.values())[0] for shape in about[f"{side}_type_shape"]]
                for side in ("input", "output")
            )
            nodes[key] = NodeTime(about["op_name"], taken, given[0] if given else [], took)
        nodes[key].us = min(nodes[key].us, took)
    return list(nodes.values())


def run_time(model: Path, inputs: dict[str, np.ndarray], repeat: int) -> float:
    """CPU microseconds of the fastest run."""
    plain, seconds = session(str(model)), np.inf
    for _ in range(repeat):
        start = time.process_time()
        plain.run(None, inputs)
        seconds = min(seconds, time.process_time() - start)
    return seconds * 1e6


def stages(model: Path, inputs: dict[str, np.ndarray], repeat: int) -> dict[str, float]:
    """Microseconds an atom of each stage, in the order of STAGES, and of the whole run."""
    nloc = int(inputs["natoms"][0])
    total = dict.fromkeys((*STAGES, OTHER), 0.0)
    for node in node_times(model, inputs, repeat):
        total[stage_of(node.op, node.inputs)] += node.us / nloc
    whole = run_time(model, inputs, repeat) / nloc
    return total | {RUNTIME: max(0.0, whole - sum(total.values())), WHOLE: whole}


def print_nodes(model: Path, inputs: dict[str, np.ndarray], repeat: int) -> None:
    """Kinds of node that take 0.05 us an atom or more."""
    nloc, kinds = int(inputs["natoms"][0]), {}
    for node in node_times(model, inputs, repeat):
        kinds[node.op] = kinds.get(node.op, 0.0) + node.us / nloc
    for op, us in sorted(kinds.items(), key=lambda item: -item[1]):
        if us >= 0.05:
            print(f"    {op:<26}{us:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--copies", type=int, default=2, help="boxes along each axis")
    parser.add_argument("--system", choices=("water", "copper"), default="water")
    parser.add_argument("--nodes", action="store_true", help="times of kinds of node, too")
    args = parser.parse_args()
    reference = None
    for path in args.models:
        inputs = feeds(bulk_of(args.system).repeated(args.copies), read_info(path).rcut)
        force = session(str(path)).run(["force"], inputs)[0]
        reference = force if reference is None else reference
        print(f"{path}: {inputs['natoms'][0]} atoms", end="")
        if path is not args.models[0] and force.shape == reference.shape:
            off = np.abs(force - reference).max()
            print(f", force differs by {off:.1e} eV/angstrom from the first", end="")
        print()
        for stage, us in stages(path, inputs, args.repeat).items():
            print(f"  {stage:<28}{us:8.2f} us/atom")
        if args.nodes:
            print_nodes(path, inputs, args.repeat)
    peaks = (f"{np.dtype(t).name} {gemm_peak(t):.0f}" for t in (np.float64, np.float32))
    print(f"GEMM peak, GFLOP/s: {', '.join(peaks)}")


if __name__ == "__main__":
    main()

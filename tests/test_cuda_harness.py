# SPDX-License-Identifier: LGPL-3.0-or-later
"""CUDA's kernels by themselves, without ONNX Runtime: tests/cuda, emulated and on a GPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cmake_project import build
from dponnx.custom_ops import library_path

ROOT = Path(__file__).resolve().parent.parent


def checks(program: Path, **more: str) -> list[dict]:
    """Each must be within what it is allowed."""
    done = subprocess.run([program], capture_output=True, text=True, env=os.environ | more)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)["checks"]
    off = [check for check in found if not check["error"] <= check["allowed"]]
    assert not off and done.returncode == 0, off
    return found


@pytest.mark.parametrize("order", ["forward", "reverse"])
def test_emulated(operators, order):
    program = library_path("dponnx_ops_emulated").parent / "dponnx_cuda_harness"
    found = checks(program, DPONNX_EMULATED_ORDER=order)
    corners = ("sel exactly full", "nloc = 0", "no neighbours", "only padding", "more neighbours")
    for part in (*corners, "float32", "mixed", "contraction", "layer: gradient", "slots"):
        assert any(part in check["what"] for check in found), part


def test_on_a_gpu(tmp_path):
    if not Path("/dev/nvidiactl").exists() or not shutil.which("nvcc"):
        pytest.skip("no NVIDIA GPU, or no nvcc")
    program = build(ROOT / "tests" / "cuda", tmp_path, "-DCMAKE_CUDA_ARCHITECTURES=native")
    checks(program / "harness")

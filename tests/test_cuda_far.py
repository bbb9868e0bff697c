# SPDX-License-Identifier: LGPL-3.0-or-later
"""Are offsets of the CUDA kernels 64 bits wide? tests/cuda/far/*.cc call parts of the kernels,
compiled for the CPU, with elements beyond 2^32 of arrays of which only those elements exist."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from conftest import ROOT

OPS = ROOT / "custom_ops"
CUDA = ["report.cu", "neighbors.cu", "device.cc"]


def test_offsets_beyond_32_bits(tmp_path):
    compiler = os.environ.get("CXX") or shutil.which("g++")
    if not compiler:
        pytest.skip("no C++ compiler")
    sources = sorted((ROOT / "tests" / "cuda" / "far").glob("*.cc"))
    sources += [OPS / "cuda" / name for name in CUDA]
    folders = [OPS / "cuda" / "emulated", OPS / "cuda", OPS / "include", OPS / "src"]
    program = tmp_path / "far"
    command = [compiler, "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-xc++"]
    command += ["-DDPONNX_CUDA_EMULATED", *[f"-I{f}" for f in folders]]
    command += [*map(str, sources), str(OPS / "cuda" / "emulated" / "emulated.cc")]
    built = subprocess.run([*command, "-o", str(program)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-3000:]
    done = subprocess.run([str(program)], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(f"no room for far arrays: {done.stderr}")
    assert (done.returncode, done.stdout) == (0, "far offsets: good\n"), done.stdout + done.stderr

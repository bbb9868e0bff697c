# SPDX-License-Identifier: LGPL-3.0-or-later
"""libdponnx from C and C++: examples and checks built outside the tree, sanitizers, valgrind.

The checks themselves are tests/runtime/checks.cpp. DPONNX_CYCLES is the number of times a model is
opened, used and closed (500); DPONNX_SANITIZE_ALL=1 builds every instruction set with the
sanitizers, not the scalar one alone (minutes).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cmake_project import build
from dponnx import DeepPot, compress
from dponnx.runtime.library import library_path, onnxruntime_library

ROOT = Path(__file__).resolve().parent.parent
CHECKS = ("list", "blocks", "along", "single", "deviation", "threads", "errors")


@pytest.fixture(scope="module")
def model(fixture_dir, tmp_path_factory, ort, operators) -> Path:
    """The small water model, with the overflow check."""
    out = tmp_path_factory.mktemp("model") / "water.pb"
    return compress(fixture_dir / "sea_small_2side" / "graph.pb", out, frequency=2).onnx


def run(*command: object, **variables: str) -> str:
    """The program's output; fails with it if the program does."""
    environment = os.environ | {key: str(value) for key, value in variables.items()}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=environment, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
    return done.stdout


@pytest.mark.parametrize("name", CHECKS)
def test_checks(checks, model, name):
    assert run(checks, model, name) == f"{name}: ok\n"


def test_opening_and_closing_again_and_again_needs_no_more_memory(checks, toy_path):
    cycles = os.environ.get("DPONNX_CYCLES", "500")
    assert "cycles: ok" in run(checks, toy_path, "cycles", DPONNX_CYCLES=cycles)


def test_sanitizers(model, tmp_path):
    """Address, leak and undefined-behaviour sanitizers over library, operators and checks."""
    options = ["-DDPONNX_SANITIZE=ON", "-DDPONNX_CUDA=OFF"]
    options.append(f"-DPython3_EXECUTABLE={shutil.which('python3')}")
    if not os.environ.get("DPONNX_SANITIZE_ALL"):
        options.append("-DDPONNX_SCALAR_ONLY=ON")
    import vesin

    home = Path(vesin.__file__).parent
    options.append(f"-DVESIN_INCLUDE_DIR={home / 'include'}")
    folder = build(ROOT / "tests" / "runtime", tmp_path / "sanitized", *options)
    suppressions = ROOT / "tests" / "runtime" / "lsan.supp"
    found = run(
        folder / "checks", model, *CHECKS,
        DPONNX_OPERATORS=folder / "custom_ops" / "libdponnx_ops.so",
        DPONNX_ORT_LIBRARY=os.fsdecode(onnxruntime_library()),
        DPONNX_VESIN_LIBRARY=home / "lib" / "libvesin.so",
        LSAN_OPTIONS=f"suppressions={suppressions}:print_suppressions=0",
    )  # fmt: skip
    assert found.count(": ok") == len(CHECKS)


def test_valgrind(checks, toy_path):
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed (apt install valgrind)")
    found = run(
        "valgrind", f"--suppressions={ROOT / 'tests' / 'runtime' / 'valgrind.supp'}",
        "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", "-q",
        checks, toy_path, "cycles",
        DPONNX_CYCLES="2",
    )  # fmt: skip
    assert "cycles: ok" in found


WATER = np.array([[0, 0, 0], [0.957, 0, 0], [-0.240, 0.927, 0]])


def test_c_example(model, tmp_path):
    example = ROOT / "runtime" / "examples" / "c"
    lines = run(build(example, tmp_path) / "energy", model).splitlines()
    energy, force, _ = DeepPot(model).eval(WATER[None], 10 * np.eye(3), [0, 1, 1])
    assert lines[0] == "rcut 4.5, types O H"
    np.testing.assert_allclose(float(lines[1].split()[1]), energy[0, 0], rtol=1e-11)
    printed = [[float(x) for x in line.split()[1:]] for line in lines[2:]]
    np.testing.assert_allclose(printed, force[0], rtol=1e-10, atol=1e-10)


def test_cpp_example_by_cmake_and_by_pkg_config(model, tmp_path):
    example = ROOT / "runtime" / "examples" / "cpp"
    built = [build(example, tmp_path / "cmake") / "dimer"]
    if shutil.which("pkg-config"):
        folder = library_path().parent / "lib" / "pkgconfig"
        flags = run("pkg-config", "--cflags", "--libs", "dponnx", PKG_CONFIG_PATH=folder).split()
        built.append(tmp_path / "dimer")
        run("g++", "-std=c++17", example / "dimer.cpp", *flags, "-o", built[-1])
    for program in built:
        rows = [list(map(float, line.split())) for line in run(program, model).splitlines()]
        assert len(rows) == 10
        for r, energy, force in rows:
            coord = np.array([[[0, 0, 0], [r, 0, 0]]])
            expected = DeepPot(model).eval(coord, None, [0, 1])
            np.testing.assert_allclose(energy, expected[0][0, 0], rtol=1e-11)
            np.testing.assert_allclose(force, expected[1][0, 1, 0], rtol=1e-9, atol=1e-9)


def test_examples_say_what_is_wrong(tmp_path):
    program = build(ROOT / "runtime" / "examples" / "c", tmp_path) / "energy"
    done = subprocess.run([program, "missing.onnx"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("missing.onnx: no such file") and done.stderr.count("\n") == 1

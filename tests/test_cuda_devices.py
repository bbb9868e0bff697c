# SPDX-License-Identifier: LGPL-3.0-or-later
"""Is each device found by its name, and each reason why it cannot be used said in one line?"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import why_no_gpu
from cuda_library import Device
from dponnx import DeepPot
from dponnx.custom_ops import library_path
from dponnx.runtime.errors import InputError
from dponnx.runtime.session import cuda_device


@pytest.mark.parametrize(
    "text, number", [("cpu", 0), ("cuda", 1), ("cuda:0", 1), ("cuda:7", 8), ("auto", -1)]
)
def test_names_of_devices(text, number, monkeypatch):
    monkeypatch.delenv("DPONNX_DEVICE", raising=False)
    assert cuda_device(None) == 0
    assert cuda_device(text) == number
    monkeypatch.setenv("DPONNX_DEVICE", text)
    assert cuda_device(None) == number


@pytest.mark.parametrize(
    "text", ["", "gpu", "cuda:", "cuda:-1", "cuda:x", "CUDA", "cpu:0", "cuda:9999999"]
)
def test_names_that_are_no_device(text):
    with pytest.raises(InputError, match="expected 'cpu', 'cuda', 'cuda:N' or 'auto'"):
        cuda_device(text)


@pytest.fixture
def without_cuda(monkeypatch, ort):
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    for name in ("DPONNX_CUDA_OPERATORS", "DPONNX_DEVICE"):
        monkeypatch.delenv(name, raising=False)


def refused(model: Path, device: str, *texts: str) -> None:
    with pytest.raises(InputError) as error:
        DeepPot(model, device=device)
    for text in texts:
        assert text in str(error.value)
    assert "\n" not in str(error.value)


def test_onnxruntime_without_cuda(without_cuda, toy_path):
    refused(toy_path, "cuda:1", "CUDA device 1: ", "built without CUDA", "dponnx[gpu]")


def test_auto_takes_the_cpu_and_says_why_once(without_cuda, toy_path, caplog):
    with caplog.at_level(logging.WARNING, logger="dponnx"):
        opened = DeepPot(toy_path, device="auto")
    assert opened.device == "cpu"
    (record,) = caplog.records
    assert "runs on the CPU: CUDA device 0: this ONNX Runtime is built" in record.getMessage()


def test_auto_takes_the_device_where_there_is_one(on_device, toy_path, caplog):
    assert DeepPot(toy_path, device="auto").device == "cuda:0"
    assert not caplog.records


def test_auto_says_what_is_wrong_with_the_model(without_cuda, tmp_path):
    with pytest.raises(InputError, match="no such file"):
        DeepPot(tmp_path / "none.onnx", device="auto")


def test_a_device_number_too_high(on_device, toy_path):
    refused(toy_path, "cuda:63", "CUDA device 63 does not exist; expected 0..")


def test_the_command_line(on_device, two_models, fixture_dir, tmp_path, monkeypatch, capsys):
    """--device reaches the model, in each verb that evaluates."""
    from dponnx.runtime.cli import main

    monkeypatch.chdir(tmp_path)
    system = ["-s", str(fixture_dir / "water"), "--device"]
    first, second = map(str, two_models.onnx[:2])
    verbs = {
        "test": ["-m", first],
        "model-devi": ["-m", first, second],
        "validate": ["-m", str(two_models.original), "-c", first],
    }
    for verb, options in verbs.items():
        assert main([verb, *options, *system, on_device]) == 0
        assert main([verb, *options, *system, "cuda:63"]) != 0
        assert "CUDA device 63 does not exist" in capsys.readouterr().err


def with_gpu_package() -> Path:
    """libonnxruntime.so of onnxruntime-gpu: DPONNX_GPU_ORT, or a visible skip."""
    library = os.environ.get("DPONNX_GPU_ORT", "")
    if not Path(library).is_file():
        pytest.skip("set DPONNX_GPU_ORT to libonnxruntime.so of onnxruntime-gpu")
    return Path(library)


def opened_with(ort_library: Path, model: Path, device: str, **variables: str) -> str:
    """What a process with this ONNX Runtime says when it opens the model."""
    program = (
        "import sys; from dponnx import DeepPot\n"
        "try: print(DeepPot(sys.argv[1], device=sys.argv[2]).device)\n"
        "except ValueError as e: print(e)"
    )
    environment = os.environ | {"DPONNX_ORT_LIBRARY": str(ort_library)} | variables
    done = subprocess.run(
        [sys.executable, "-c", program, str(model), device],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_onnxruntime_gpu_without_driver_or_operators(toy_path):
    package = with_gpu_package()
    missing = opened_with(package, toy_path, "cuda", DPONNX_CUDA_OPERATORS="/missing.so")
    assert "operators for CUDA do not load" in missing and missing.count("\n") == 1
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a driver")
    if not library_path("dponnx_ops").with_name("libdponnx_ops_cuda.so").is_file():
        pytest.skip("no nvcc: libdponnx_ops_cuda.so is not built")
    text = opened_with(package, toy_path, "cuda")
    assert "CUDA device 0: no CUDA device can be used" in text and "nvidia-smi" in text
    assert text.count("\n") == 1
    assert opened_with(package, toy_path, "auto") == "cpu\n"


def test_the_operators_for_cuda_without_a_driver(operators):
    """What the real library says, which needs no CUDA to be loaded."""
    real = operators.with_name("libdponnx_ops_cuda.so")
    if not real.is_file():
        pytest.skip("no nvcc: libdponnx_ops_cuda.so is not built")
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a driver")
    with pytest.raises(RuntimeError, match="no CUDA device can be used"):
        Device(real)


def test_a_gpu(toy_path):
    """Whether other tests had the path "cuda" besides the emulation."""
    if why_no_gpu():
        pytest.skip(f"{why_no_gpu()}: CUDA's kernels ran emulated only")
    assert DeepPot(toy_path, device="cuda:0").device == "cuda:0"

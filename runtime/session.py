# SPDX-License-Identifier: LGPL-3.0-or-later
"""Opening a model in ONNX Runtime, with our operators registered and errors in one line."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from .errors import InputError, ModelFormatError


def import_extra(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency, or raise InputError naming the extra that brings it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"{purpose} needs {module} ({error}); install it: pip install 'dponnx[{extra}]'"
        ) from error


def first_line(error: BaseException) -> str:
    """An exception's message in one line."""
    return " ".join(str(error).split())[:400] or type(error).__name__


def default_threads() -> int:
    """Threads within one operator, from the variables DeePMD-kit reads; 0: ORT's default."""
    for name in ("DP_INTRA_OP_PARALLELISM_THREADS", "OMP_NUM_THREADS"):
        text = os.environ.get(name, "").strip()
        if text in ("", "0"):
            continue
        if not text.isdigit():
            raise InputError(f"environment variable {name} is {text!r}; expected an integer >= 0")
        return int(text)
    return 0


def operator_library() -> Path | None:
    """Our compiled operators, or None where they are not installed."""
    try:
        library = Path(import_module("..custom_ops", __package__).library_path())
    except (ImportError, AttributeError, OSError, InputError):
        return None
    return library if library.is_file() else None


def open_session(model: str | bytes, name: str, threads: int, device: str) -> Any:
    """An onnxruntime.InferenceSession of a model file or of a serialized model.

    threads >= 0, 0 = ONNX Runtime's default; device: "cpu", "cuda" or "cuda:N".
    Raises InputError (onnxruntime missing, device unknown) or ModelFormatError (model refused).
    """
    ort = import_extra("onnxruntime", "cpu", "running a model")
    providers = _providers(ort, device)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # failures arrive as exceptions
    # Waiting threads sleep: a frame runs for milliseconds and callers are often many processes.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    library = operator_library()
    try:
        if library is not None:
            options.register_custom_ops_library(str(library))
    except Exception as error:
        raise InputError(
            f"{library}: ONNX Runtime {ort.__version__} does not load our operators: "
            f"{first_line(error)}"
        ) from error
    try:
        return ort.InferenceSession(model, options, providers=providers)
    except Exception as error:
        hint = "" if library else ". dponnx's operator library is not installed: reinstall dponnx"
        raise ModelFormatError(
            f"{name}: ONNX Runtime refuses it: {first_line(error)}{hint}"
        ) from error


def _providers(ort: ModuleType, device: str) -> list[Any]:
    kind, _, index = device.partition(":")
    if kind == "cpu" and not index:
        return ["CPUExecutionProvider"]
    if kind != "cuda" or not (index or "0").isdigit():
        raise InputError(f"device is {device!r}; expected 'cpu', 'cuda' or 'cuda:N'")
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        raise InputError(
            f"device is {device!r} but this onnxruntime has no CUDA; replace it: "
            "pip uninstall onnxruntime; pip install 'dponnx[gpu]'"
        )
    return [("CUDAExecutionProvider", {"device_id": int(index or 0)}), "CPUExecutionProvider"]

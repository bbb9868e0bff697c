# SPDX-License-Identifier: LGPL-3.0-or-later
"""Opening either side of a comparison: ours in ONNX Runtime, or a graph in DeePMD-kit."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from .deep_pot import DeepPot
from .errors import InputError
from .session import first_line, import_extra


def open_compressed(path: str | Path, device: str | None = None) -> Any:
    """DeepPot of a compressed model: .onnx in ONNX Runtime on the device, .pb in DeePMD-kit."""
    if Path(path).suffix == ".pb":
        return open_tensorflow(path)
    return DeepPot(path, device=device)


def open_reference(path: str | Path, reference: str, device: str | None = None) -> Any:
    """DeepPot of the original graph.

    "convert": converted in memory without tables, in ONNX Runtime on the device; "tf": in
    DeePMD-kit itself.
    """
    if reference == "tf":
        return open_tensorflow(path)
    if reference != "convert":
        raise InputError(f"reference is {reference!r}; expected 'convert' or 'tf'")
    if Path(path).suffix == ".onnx":
        return DeepPot(path, device=device)
    _require(path)
    return DeepPot.from_bytes(converter().convert_to_bytes(path), str(path), device=device)


def open_tensorflow(path: str | Path) -> Any:
    """deepmd.infer.DeepPot of a frozen graph. Raises InputError where DeePMD-kit is missing."""
    _require(path)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    infer = import_extra("deepmd.infer", "test", f"{path}: running a .pb")
    try:
        return infer.DeepPot(str(path))
    except Exception as error:
        raise InputError(f"{path}: DeePMD-kit refuses it: {first_line(error)}") from error


def converter() -> Any:
    """dponnx.converter, or InputError naming the extra that brings TensorFlow and tf2onnx."""
    try:
        return import_module("..converter", __package__)
    except ImportError as error:
        raise InputError(
            f"converting needs packages that are missing ({first_line(error)}); install them: "
            "pip install 'dponnx[convert]'"
        ) from error


def _require(path: str | Path) -> None:
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; expected a frozen model (.pb)")

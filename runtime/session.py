# SPDX-License-Identifier: LGPL-3.0-or-later
"""What running a model depends on: optional packages, our operators, threads, the device."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from types import ModuleType

from .errors import InputError

MOST_DEVICES = 1 << 16  # a number above is a slip


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


def cuda_device(device: str | None) -> int:
    """A device as dponnx_options has it: "cpu" 0, "cuda:N" N + 1, "cuda" 1, "auto" -1.

    None: the environment variable DPONNX_DEVICE, otherwise the CPU. InputError for anything else.
    """
    if device is None:
        device = os.environ.get("DPONNX_DEVICE", "").strip() or "cpu"
    simple = {"cpu": 0, "cuda": 1, "auto": -1}
    if device in simple:
        return simple[device]
    kind, _, index = device.partition(":")
    if kind != "cuda" or not index.isdigit() or int(index) >= MOST_DEVICES:
        raise InputError(f"device is {device!r}; expected 'cpu', 'cuda', 'cuda:N' or 'auto'")
    return int(index) + 1

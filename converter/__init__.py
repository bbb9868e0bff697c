# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frozen TensorFlow model in; compressed ONNX model and frozen-TF twin out.

Read pipeline.py first: frozen_graph reads graph.pb, to_onnx takes its energy half, prepared by
repeat_by_type, activations and fold, through tf2onnx, surgeon lists the passes (pass_*.py) that
turn it into our graph (graph.py) with tables (nets.py, gates.py, taylor.py, tables.py) and forces
(gradient.py), emit_onnx and emit_tf write the two files; pass_fuse with fuse_*.py puts fused
operators into the ONNX one. Sizes known only at run time are polynomials (symbols.py).
Graphs of DeePMD-kit before 2.1 are upgraded first (upgrade.py); convert_from writes just that.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..runtime.errors import InputError

_HOME = {
    "compress": "pipeline",
    "convert": "pipeline",
    "convert_from": "upgrade_file",
    "convert_to_bytes": "pipeline",
    "describe": "pipeline",
}
__all__ = ["compress", "convert", "convert_from", "convert_to_bytes", "describe"]


def __getattr__(name: str) -> Any:
    """Imported on first use; InputError where the packages for converting are missing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    except ModuleNotFoundError as e:
        raise InputError(
            f"converting needs {e.name}, which is not installed: pip install 'dponnx[convert]'"
        ) from e
    globals()[name] = value
    return value

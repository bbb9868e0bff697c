# SPDX-License-Identifier: LGPL-3.0-or-later
"""Operators of domain "dponnx" for ONNX Runtime, in one shared library.

>>> options = onnxruntime.SessionOptions()
>>> options.register_custom_ops_library(str(library_path()))

The library picks the widest instructions the processor has; the environment variable
DPONNX_ISA (scalar, avx2, avx512, avx512_emulated) forces a path.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from ..runtime.errors import InputError


def library_path(name: str = "dponnx_ops") -> Path:
    """Where lib{name}.so lies: dponnx_ops for the CPU, dponnx_ops_cuda for CUDA too.

    Raises InputError if dponnx was installed without it."""
    path = Path(str(files(__package__).joinpath(f"lib{name}.so")))
    if not path.is_file():
        raise InputError(
            f"{path} is missing; expected the compiled operators. Install dponnx with pip"
            + (", where nvcc is found." if name.endswith("cuda") else ".")
        )
    return path

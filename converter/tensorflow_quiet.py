# SPDX-License-Identifier: LGPL-3.0-or-later
"""TensorFlow, imported without its chatter: only a converter ever needs it."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Iterator
from functools import cache

from ..runtime.errors import InputError


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Standard error of this process, C++ code included, goes nowhere meanwhile."""
    sys.stderr.flush()
    saved, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    disabled = logging.root.manager.disable
    try:
        os.dup2(sink, 2)
        logging.disable(logging.CRITICAL)
        yield
    finally:
        logging.disable(disabled)
        os.dup2(saved, 2)
        os.close(saved)
        os.close(sink)


@cache
def tensorflow():
    """The module; InputError where it is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        raise InputError(
            "converting needs TensorFlow, which is not installed: pip install dponnx[convert]"
        )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    with silenced():
        import tensorflow as tf
    return tf

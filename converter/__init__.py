# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frozen TensorFlow model in; compressed ONNX model and frozen-TF twin out.

Read pipeline.py first: frozen_graph reads graph.pb, to_onnx takes its energy half through
tf2onnx, surgeon lists the passes (pass_*.py) that turn it into our graph (graph.py) with
tables (nets.py, taylor.py, tables.py) and forces (gradient.py), emit_onnx and emit_tf write
the two files. Sizes known only at run time are polynomials (symbols.py).
"""

from .pipeline import compress, convert, convert_to_bytes, describe

__all__ = ["compress", "convert", "convert_to_bytes", "describe"]

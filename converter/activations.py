# SPDX-License-Identifier: LGPL-3.0-or-later
"""Writes DeePMD-kit's own activation operators in TensorFlow's elementary ones.

Gelu, GeluCustom: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the tanh form
(D. Hendrycks, K. Gimpel, arXiv:1606.08415).
"""

from __future__ import annotations

import math

import numpy as np

from .tensorflow_quiet import tensorflow
from .tf_nodes import NodeWriter

GELU = ("Gelu", "GeluCustom")


def write_out(graph_def):
    """The graph with every such operator written out; itself if it has none."""
    if not any(n.op in GELU for n in graph_def.node):
        return graph_def
    result = type(graph_def)()
    result.CopyFrom(graph_def)
    for node in list(result.node):
        if node.op in GELU:
            result.node.extend(_gelu(node, graph_def.versions))
    return result


def _gelu(node, versions) -> list:
    """The new nodes; `node` itself becomes the last product."""
    writer = NodeWriter(versions)
    number = node.attr["T"].type or 2  # DT_DOUBLE, the operator's default
    dtype = np.dtype(tensorflow().as_dtype(number).as_numpy_dtype)
    x = node.input[0]

    def constant(value: float, name: str) -> str:
        return writer.const(np.asarray(value, dtype=dtype), f"{node.name}/{name}")

    def op(kind: str, *inputs: str) -> str:
        return writer.op(kind, list(inputs), name=f"{node.name}/{kind}", T=dtype)

    cube = op("Mul", op("Mul", x, x), x)
    inner = op("AddV2", x, op("Mul", cube, constant(0.044715, "cubic")))
    tanh = op("Tanh", op("Mul", inner, constant(math.sqrt(2 / math.pi), "scale")))
    one = op("AddV2", tanh, constant(1.0, "one"))
    half = op("Mul", x, constant(0.5, "half"))
    node.op, node.input[:] = "Mul", [half, one]
    node.attr.clear()
    node.attr["T"].type = number
    return list(writer.graph_def.node)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Writes activations in operators that ONNX Runtime or our library has.

Gelu, GeluCustom of DeePMD-kit: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the tanh form
(D. Hendrycks, K. Gimpel, arXiv:1606.08415), becomes elementary operators.
Erfc and in float64 Erf, which ONNX Runtime lacks, become ours (tf.nn.gelu without approximation
is x/2 erfc(-x/sqrt(2))), and in float64 Softplus, which overflows there.
"""

from __future__ import annotations

import math

import numpy as np
import onnx_graphsurgeon as gs

from .graph import DOMAIN, Builder, replace_everywhere


def run(graph: gs.Graph) -> int:
    """Returns the number of nodes replaced. Shapes must be known."""
    return _expand_gelu(graph) + _take_ours(graph)


def _take_ours(graph: gs.Graph) -> int:
    found = [
        n
        for n in graph.nodes
        if n.op == "Erfc" or (n.op in ("Erf", "Softplus") and n.outputs[0].dtype == np.float64)
    ]
    for node in found:
        node.domain = DOMAIN
    return len(found)


def _expand_gelu(graph: gs.Graph) -> int:
    found = [n for n in graph.nodes if n.op in ("Gelu", "GeluCustom")]
    for node in found:
        x = node.inputs[0]
        build = Builder(graph, node.name)

        def number(value: float, like: gs.Tensor = x) -> np.ndarray:
            return np.asarray(value, dtype=like.dtype)

        cube = build("Mul", build("Mul", x, x), x)
        inner = build("Add", x, build("Mul", cube, number(0.044715)))
        tanh = build("Tanh", build("Mul", inner, number(math.sqrt(2 / math.pi))))
        half = build("Mul", x, number(0.5))
        result = build("Mul", half, build("Add", tanh, number(1.0)))
        replace_everywhere(graph, node.outputs[0], result)
        node.outputs.clear()
    graph.cleanup().toposort()
    return len(found)

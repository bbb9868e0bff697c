# SPDX-License-Identifier: LGPL-3.0-or-later
"""Writes DeePMD-kit's own activation operators in elementary ones.

Gelu, GeluCustom: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the tanh form
(D. Hendrycks, K. Gimpel, arXiv:1606.08415).
"""

from __future__ import annotations

import math

import numpy as np
import onnx_graphsurgeon as gs

from .graph import Builder, replace_everywhere


def run(graph: gs.Graph) -> int:
    """Returns the number of nodes replaced. Shapes must be known."""
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

# SPDX-License-Identifier: LGPL-3.0-or-later
"""residual + idt * tanh(x + bias) of a layer of the fitting net becomes one operator, BiasTanh."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .graph import Builder, replace_everywhere
from .shape_rules import shape_of


def run(graph: gs.Graph) -> tuple[int, list[str]]:
    """How many layers were replaced. What is not such a layer stays as it is."""
    count = 0
    for tanh in [n for n in graph.nodes if n.op == "Tanh"]:
        found = _biased(tanh.inputs[0])
        if found is None:
            continue
        x, bias = found
        build = Builder(graph, tanh.name)
        idt, scaled = _factor(tanh.outputs[0], bias)
        residual, end = _residual(scaled, graph)
        ones = np.ones_like(bias.values) if idt is None else idt
        if residual is not None:
            y, t = build.nodes("BiasTanh", x, bias, ones, residual)
        elif idt is not None:
            y, t = build.nodes("BiasTanh", x, bias, ones)
        else:
            y = build("BiasTanh", x, bias)
            t = y
        replace_everywhere(graph, end, y)
        if end is not tanh.outputs[0]:
            replace_everywhere(graph, tanh.outputs[0], t)
        count += 1
        graph.cleanup().toposort()
    return count, []


def _biased(t: gs.Tensor) -> tuple[gs.Variable, gs.Constant] | None:
    """x (n, k) and bias (k,) of t = x + bias, where t has no other reader."""
    if not t.inputs or t.inputs[0].op != "Add" or len(t.outputs) != 1 or len(shape_of(t)) != 2:
        return None
    x, bias = t.inputs[0].inputs
    if isinstance(x, gs.Constant):
        x, bias = bias, x
    if not isinstance(bias, gs.Constant) or isinstance(x, gs.Constant):
        return None
    return (x, bias) if bias.values.shape == (shape_of(t)[1],) == shape_of(x)[1:] else None


def _factor(t: gs.Variable, bias: gs.Constant) -> tuple[gs.Constant | None, gs.Variable]:
    """idt (k,) and idt * t, if a product with a constant is all that reads t."""
    if len(t.outputs) == 1 and t.outputs[0].op == "Mul":
        for other in t.outputs[0].inputs:
            if isinstance(other, gs.Constant) and other.values.shape == bias.values.shape:
                return other, t.outputs[0].outputs[0]
    return None, t


def _residual(t: gs.Variable, graph: gs.Graph) -> tuple[gs.Tensor | None, gs.Variable]:
    """The tensor that is added to t, and the sum, if the sum is all that reads t."""
    if len(t.outputs) == 1 and t.outputs[0].op in ("Add", "Sum") and t not in graph.outputs:
        node = t.outputs[0]
        others = [x for x in node.inputs if x is not t]
        if len(node.inputs) == 2 and len(others) == 1 and shape_of(others[0]) == shape_of(t):
            return others[0], node.outputs[0]
    return None, t

# SPDX-License-Identifier: LGPL-3.0-or-later
"""residual + idt * a(x w + bias), a layer of the fitting net, becomes one operator, FittingLayer.

Graphs write activations in different ways (gelu in 4 to 9 nodes), so the elementwise nodes behind
x w + bias are not compared with patterns: their function is compared with each activation's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs

from . import taylor
from .graph import Builder, replace_everywhere
from .shape_rules import shape_of

NOT_ELEMENTWISE = ("MatMul", "Concat", "Reshape")


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(x / 2)) / 2


def _gelu(x: np.ndarray, cubic: float) -> np.ndarray:
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + cubic * x**3)))


# As in custom_ops/include/dponnx/activation.h, which has their formulas.
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "softplus": lambda x: np.logaddexp(0, x),
    "sigmoid": _sigmoid,
    "gelu": lambda x: _gelu(x, 0.044715),
    "gelu_tf": lambda x: _gelu(x, float(np.float32(0.044715))),
    "silu": lambda x: x * _sigmoid(x),
}
SAMPLES = np.linspace(-9.1, 9.2, 367)  # both sides of every kink


def run(graph: gs.Graph) -> tuple[int, list[str]]:
    """How many layers were replaced. What is not such a layer stays as it is."""
    count = 0
    for product in [n for n in graph.nodes if n.op == "MatMul"]:
        w = product.inputs[1]
        found = _biased(product, graph)
        if found is None:
            continue
        z, bias = found
        name, activated = _activation(graph, z)
        idt, scaled = _factor(activated, bias)
        residual, end = _residual(scaled, graph)
        if name is None or (name == "linear" and not _is_multiplied(end)):
            continue
        build = Builder(graph, product.name)
        if residual is not None and idt is None:
            idt = build.tensor(np.ones_like(bias.values))
        more = [t for t in (idt, residual) if t is not None]
        y, _ = build.nodes("FittingLayer", product.inputs[0], w, bias, *more, activation=name)
        replace_everywhere(graph, end, y)
        count += 1
        graph.cleanup().toposort()
    return count, []


def _biased(product: gs.Node, graph: gs.Graph) -> tuple[gs.Variable, gs.Constant] | None:
    """x w + bias and bias (k,) of a product x w, x (n, m), that nothing else reads."""
    x, w = product.inputs
    t = product.outputs[0]
    constant = isinstance(w, gs.Constant) and not isinstance(x, gs.Constant)
    if not constant or len(shape_of(x)) != 2 or w.values.ndim != 2 or t in graph.outputs:
        return None
    if len(t.outputs) != 1 or t.outputs[0].op != "Add":
        return None
    bias = next((b for b in t.outputs[0].inputs if b is not t), t)
    if not isinstance(bias, gs.Constant) or bias.values.shape != w.values.shape[1:]:
        return None
    return t.outputs[0].outputs[0], bias


def _activation(graph: gs.Graph, z: gs.Variable) -> tuple[str | None, gs.Variable]:
    """The name of a, or None if it is none we have, and the tensor a(z)."""
    inside, nodes = {z.name}, []
    for node in graph.nodes:
        ours = [t.name in inside for t in node.inputs]
        alone = all(o or _is_scalar(t) for o, t in zip(ours, node.inputs, strict=True))
        if any(ours) and alone and node.op in taylor.RULES and node.op not in NOT_ELEMENTWISE:
            inside.add(node.outputs[0].name)
            nodes.append(node)
    names = {n.name for n in nodes}
    ends = [
        t
        for t in [z, *(n.outputs[0] for n in nodes)]
        if t in graph.outputs or any(n.name not in names for n in t.outputs)
    ]
    if len(ends) != 1:
        return None, z
    (end,) = ends
    if end is z:
        return "linear", z
    with np.errstate(all="ignore"):  # it may be any function
        value, _, _ = taylor.evaluate(nodes, z, end, SAMPLES)
    close = 64 * float(np.finfo(z.dtype).eps)  # float32 graphs hold rounded constants
    for name, formula in ACTIVATIONS.items():
        if np.allclose(value.ravel(), formula(SAMPLES), rtol=close, atol=close):
            return name, end
    return None, z


def _is_scalar(t: gs.Tensor) -> bool:
    return isinstance(t, gs.Constant) and t.values.size == 1


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


def _is_multiplied(t: gs.Tensor) -> bool:
    """Whether another layer follows: the last one, whose bias is hundreds of eV, stays plain."""
    return any(n.op == "MatMul" and isinstance(n.inputs[1], gs.Constant) for n in t.outputs)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the types of local atoms alone decide is known before run time: local atoms are sorted by
type, and natoms counts them. DeePMD-kit's graphs mask atoms of negative type, which are never
local here, and look up biases and scales by type, in about thirty nodes for a few numbers an atom.

A product with ones and a sum with zeros vanish; numbers of one type each that are added to what a
Concat by type put together go to its parts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from .graph import Builder, replace_everywhere
from .shape_rules import axis_of, shape_of
from .symbols import Dim, Shape, n_of_type

# operator -> value of its output, from the node and the values of its inputs
RULES: dict[str, Callable[..., np.ndarray]] = {
    "Cast": lambda n, x: x.astype(onnx.helper.tensor_dtype_to_np_dtype(n.attrs["to"])),
    "Gather": lambda n, x, i: x.take(i, axis=axis_of(n, x.ndim)),
    "Where": lambda n, c, a, b: np.where(c, a, b),
    "Not": lambda n, a: ~a,
    "Mul": lambda n, a, b: a * b,
    "Add": lambda n, a, b: a + b,
    "Sub": lambda n, a, b: a - b,
    "Min": lambda n, a, b: np.minimum(a, b),
    "Max": lambda n, a, b: np.maximum(a, b),
    "Greater": lambda n, a, b: a > b,
    "GreaterOrEqual": lambda n, a, b: a >= b,
    "Less": lambda n, a, b: a < b,
    "Equal": lambda n, a, b: a == b,
}


class Example:
    """Values of what derives from types alone, in a frame with one local atom of each type and one
    ghost that has none."""

    def __init__(self, graph: gs.Graph):
        self.ntypes = next(t for t in graph.inputs if t.name == "natoms").shape[0] - 2
        self._sizes = {f"n_{t}": 1 for t in range(self.ntypes)}
        self._sizes |= {"nframes": 1, "nall": self.ntypes + 1}
        self._values = {"atype": np.array([*range(self.ntypes), -1], np.int32)}
        for node in graph.nodes:
            self._evaluate(node)

    def of(self, t: gs.Tensor) -> np.ndarray | None:
        """None if it is not known, or holds numbers of ghosts."""
        of_ghosts = any(isinstance(s, Dim) and "nall" in s.symbols() for s in shape_of(t))
        return None if of_ghosts else self._values.get(t.name)

    def is_all(self, t: gs.Tensor, value: float) -> bool:
        known = self.of(t)
        return known is not None and bool(np.all(known == value))

    def set_zero(self, t: gs.Tensor) -> None:
        self._values[t.name] = np.zeros(self._shape(shape_of(t)), t.dtype)

    def _evaluate(self, node: gs.Node) -> None:
        args = [
            t.values if isinstance(t, gs.Constant) else self._values.get(t.name)
            for t in node.inputs
        ]
        if any(a is None for a in args) or all(isinstance(t, gs.Constant) for t in node.inputs):
            return
        out = shape_of(node.outputs[0])
        if any(isinstance(s, Dim) and not s.symbols() <= self._sizes.keys() for s in out):
            return
        if node.op == "Reshape":
            value = args[0].reshape(self._shape(out))
        elif node.op == "Slice":
            bounds = self._shape((node.attrs["begin"], node.attrs["end"]))
            value = args[0].take(range(*bounds), axis=node.attrs["axis"])
        elif node.op in RULES:
            value = RULES[node.op](node, *args)
        else:
            return
        self._values[node.outputs[0].name] = value

    def _shape(self, sizes: Shape) -> tuple[int, ...]:
        return tuple(s.at(self._sizes) if isinstance(s, Dim) else s for s in sizes)


def run(graph: gs.Graph) -> tuple[int, list[str]]:
    """How many sums, products and choices were dissolved."""
    example = Example(graph)
    count = sum(_skip(graph, node, example) for node in list(graph.nodes))
    graph.cleanup().toposort()
    count += sum(_add_by_part(graph, n, example) for n in list(graph.nodes) if n.op == "Add")
    graph.cleanup().toposort()
    return count, []


def _skip(graph: gs.Graph, node: gs.Node, example: Example) -> bool:
    """Whether the node's result is one of its inputs, which then takes its place."""
    if node.op not in ("Mul", "Add", "Where"):
        return False
    if node.op == "Mul" and any(example.is_all(t, 0) for t in node.inputs):
        example.set_zero(node.outputs[0])
        return False
    y, same = node.outputs[0], None
    if node.op == "Where":
        mask, a, b = node.inputs
        same = a if example.is_all(mask, True) else b if example.is_all(mask, False) else None
    else:
        neutral = 1 if node.op == "Mul" else 0
        for t, other in zip(node.inputs, reversed(node.inputs), strict=True):
            same = other if example.is_all(t, neutral) else same
    if not isinstance(same, gs.Variable) or shape_of(same) != shape_of(y):
        return False
    replace_everywhere(graph, y, same)
    node.outputs.clear()
    return True


def _add_by_part(graph: gs.Graph, node: gs.Node, example: Example) -> bool:
    """Concat(part of type 0, part of type 1, ...) + numbers of each type."""
    for whole, numbers in (node.inputs, reversed(node.inputs)):
        value = example.of(numbers)
        if value is None or len(whole.outputs) != 1 or not whole.inputs:
            continue
        concat = whole.inputs[0]
        if concat.op != "Concat" or shape_of(whole) != shape_of(numbers):
            continue
        axis = axis_of(concat, len(shape_of(whole)))
        each = [n_of_type(t) for t in range(example.ntypes)]
        if [shape_of(t)[axis] for t in concat.inputs] != each or value.size != example.ntypes:
            continue
        build = Builder(graph, node.name)
        parts = zip(concat.inputs, value.ravel(), strict=True)
        concat.inputs = [_plus(build, part, number) for part, number in parts]
        replace_everywhere(graph, node.outputs[0], whole)
        node.outputs.clear()
        return True
    return False


def _plus(build: Builder, part: gs.Variable, number: np.generic) -> gs.Variable:
    """part + number: added to the bias, if the part is a sum with one."""
    t = part
    while len(t.outputs) == 1 and t.inputs and t.inputs[0].op == "Reshape":
        t = t.inputs[0].inputs[0]
    if len(t.outputs) == 1 and t.inputs and t.inputs[0].op == "Add":
        last = t.inputs[0]
        for i, bias in enumerate(last.inputs):
            if isinstance(bias, gs.Constant) and bias.values.size == 1:
                last.inputs[i] = build.tensor(bias.values + number)
                return part
    return build("Add", part, np.asarray(number))

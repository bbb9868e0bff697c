# SPDX-License-Identifier: LGPL-3.0-or-later
"""Finds the embedding nets of a graph, by the names of their weights.

Net (t, n) of centre type t (or `all`) and neighbour type n (two types for se_e3) starts where
a tensor of one column meets `filter_type_{t}{suffix}/matrix_1_{n}`, and ends where its rows
meet other data or are summed. What lies in between is the net, whatever its layers look like.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .graph import tf_name
from .shape_rules import ENV_MAT, shape_of
from .taylor import evaluate

FIRST_LAYER = re.compile(
    r"^(?P<scope>filter_type_(?P<center>all|\d+)\w*)/matrix_1_(?P<neighbors>\d+(_\d+)?)$"
)


@dataclass(frozen=True)
class EmbeddingNet:
    """x (rows, 1) -> y (rows, width); `reader` is the one node that reads the result.

    center: the centre type, None where one net serves all; neighbors: the neighbour's type,
    or the two of se_e3.
    """

    scope: str
    center: int | None
    neighbors: tuple[int, ...]
    env_mat: gs.Node
    x: gs.Variable
    y: gs.Variable
    nodes: list[gs.Node]
    reader: gs.Node

    @property
    def name(self) -> str:
        return f"{self.scope}_net_{'_'.join(map(str, self.neighbors))}"

    @property
    def width(self) -> int:
        return int(shape_of(self.y)[1])

    def __call__(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value, slope and curvature (n, width) at inputs `at` (n,)."""
        return evaluate(self.nodes, self.x, self.y, at)


def find(graph: gs.Graph) -> list[EmbeddingNet]:
    """All nets, in the order of the graph. The graph must be in topological order."""
    nets = []
    for node in graph.nodes:
        if node.op != "MatMul" or not isinstance(node.inputs[1], gs.Constant):
            continue
        match = FIRST_LAYER.match(tf_name(node.inputs[1].name))
        if match:
            nets.append(_trace(graph, node, match))
    return nets


def _trace(graph: gs.Graph, first: gs.Node, match: re.Match) -> EmbeddingNet:
    x = first.inputs[0]
    rows = shape_of(x)[0]
    inside, nodes, readers = {x.name}, [], []
    for node in graph.nodes:
        own = [t.name in inside for t in node.inputs]
        if not any(own):
            continue
        constant = [isinstance(t, gs.Constant) for t in node.inputs]
        alone = all(o or c for o, c in zip(own, constant, strict=True))
        if alone and not node.op.startswith("Reduce"):
            inside.update(t.name for t in node.outputs)
            nodes.append(node)
        else:
            readers.append((node, node.inputs[own.index(True)]))
    name = tf_name(first.inputs[1].name)
    if len(readers) != 1:
        found = ", ".join(n.name for n, _ in readers) or "nobody"
        raise ConversionError(f"the net of {name} should have one reader; found {found}")
    reader, y = readers[0]
    while y.inputs[0].op == "Reshape":
        last = y.inputs[0]
        nodes = [n for n in nodes if n is not last]
        y = last.inputs[0]
    if len(shape_of(y)) != 2 or shape_of(y)[0] != rows or shape_of(x)[1] != 1:
        raise ConversionError(f"the net of {name} maps {shape_of(x)} to {shape_of(y)}")
    center = match["center"]
    return EmbeddingNet(
        match["scope"],
        None if center == "all" else int(center),
        tuple(int(n) for n in match["neighbors"].split("_")),
        _env_mat_of(x),
        x,
        y,
        nodes,
        reader,
    )


def _env_mat_of(tensor: gs.Tensor) -> gs.Node:
    """The environment matrix a net's input comes from."""
    found, queue, seen = [], [tensor], set()
    while queue:
        for node in queue.pop().inputs:
            if node.op in ENV_MAT:
                found.append(node)
            elif node.name not in seen:
                seen.add(node.name)
                queue.extend(t for t in node.inputs if isinstance(t, gs.Variable))
    if len({n.name for n in found}) != 1:
        raise ConversionError(f"{tensor.name} should come from one environment matrix")
    return found[0]

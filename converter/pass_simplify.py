# SPDX-License-Identifier: LGPL-3.0-or-later
"""Removes nodes that change nothing: Identity, Cast to the same type or back to the type that was
widened, Reshape of Reshape, Reshape and Expand to the shape already there."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .graph import Builder, replace_everywhere
from .shape_rules import BROADCAST, broadcast, shape_of


def run(graph: gs.Graph) -> int:
    """Returns the number of nodes removed."""
    before = len(graph.nodes)
    build = Builder(graph, "simplify")
    for node in list(graph.nodes):
        if node.op == "Cast" and _skip_cast_back(build, node):
            continue
        if node.op == "Reshape":
            _skip_reshape_of_reshape(node)
        if _changes_nothing(node):
            _bypass(graph, node)
        elif node.op == "Expand":
            _let_readers_broadcast(node)
    graph.cleanup().toposort()
    return before - len(graph.nodes)


def _changes_nothing(node: gs.Node) -> bool:
    if node.op == "Identity":
        return True
    if node.op == "Cast":
        return node.inputs[0].dtype == node.outputs[0].dtype
    if node.op in ("Reshape", "Expand"):
        return shape_of(node.inputs[0]) == shape_of(node.outputs[0])
    return False


def _bypass(graph: gs.Graph, node: gs.Node) -> None:
    x, y = node.inputs[0], node.outputs[0]
    if y in graph.outputs and (not isinstance(x, gs.Variable) or not x.inputs):
        return
    replace_everywhere(graph, y, x)
    node.outputs.clear()


def _skip_cast_back(build: Builder, node: gs.Node) -> bool:
    """Casting float32 to float64, reshaping, and casting back is reshaping."""
    source = node.inputs[0]
    while source.inputs and source.inputs[0].op == "Reshape":
        source = source.inputs[0].inputs[0]
    if not source.inputs or source.inputs[0].op != "Cast":
        return False
    narrow = source.inputs[0].inputs[0]
    kinds = [np.dtype(t.dtype) for t in (narrow, source, node.outputs[0])]
    if kinds != [np.float32, np.float64, np.float32]:
        return False
    y = node.outputs[0]
    replace_everywhere(build.graph, y, build.reshape(narrow, shape_of(y)))
    node.outputs.clear()
    return True


def _skip_reshape_of_reshape(node: gs.Node) -> None:
    source = node.inputs[0]
    while source.inputs and source.inputs[0].op == "Reshape":
        source = source.inputs[0].inputs[0]
    node.inputs[0] = source


def _let_readers_broadcast(node: gs.Node) -> None:
    """Elementwise readers broadcast by themselves, if their result keeps its shape."""
    x, y = node.inputs[0], node.outputs[0]
    for reader in list(y.outputs):
        if reader.op not in BROADCAST:
            continue
        inputs = [x if t is y else t for t in reader.inputs]
        shapes = [shape_of(t) for t in inputs]
        if broadcast(shapes, reader.name) == shape_of(reader.outputs[0]):
            reader.inputs = inputs

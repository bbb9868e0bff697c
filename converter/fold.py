# SPDX-License-Identifier: LGPL-3.0-or-later
"""Evaluates what a frozen graph computes from constants alone, with TensorFlow itself.

The embedding of the atom types is such a part: a net whose input is the unit matrix.
"""

from __future__ import annotations

from .tensorflow_quiet import tensorflow

VARYING = ("Placeholder", "NoOp", "VariableV2", "RandomUniform", "RandomStandardNormal")


def fold_constants(graph_def, unknown: set[str]):
    """The graph with a Const in place of every node that constants alone determine and another
    node reads; itself if there is none. unknown: operators TensorFlow cannot run."""
    nodes = {n.name: n for n in graph_def.node}
    fixed = _fixed(nodes, unknown)
    wanted = {
        name
        for node in graph_def.node
        if not fixed[node.name]
        for name in node.input
        if fixed.get(name) and not _is_stored(nodes, name)
    }
    if not wanted:
        return graph_def
    tf = tensorflow()
    names = sorted(wanted)
    source = tf.compat.v1.graph_util.extract_sub_graph(graph_def, names)
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(source, name="")
        values = session.run([f"{name}:0" for name in names])
    folded = type(graph_def)()
    folded.CopyFrom(graph_def)
    replaced = {n.name: n for n in folded.node}
    for name, value in zip(names, values, strict=True):
        node = replaced[name]
        node.Clear()
        node.name, node.op = name, "Const"
        tensor = tf.make_tensor_proto(value)
        node.attr["dtype"].type = tensor.dtype
        node.attr["value"].tensor.CopyFrom(tensor)
    return folded


def _fixed(nodes: dict, unknown: set[str]) -> dict[str, bool]:
    """Of each node, whether only constants determine it; False where a further output is read."""
    several = {i.split(":")[0] for node in nodes.values() for i in node.input if ":" in i}
    fixed: dict[str, bool] = {}
    for start in nodes:
        stack = [start]
        while stack:
            node = nodes[stack[-1]]
            waiting = [i for i in node.input if i in nodes and i not in fixed]
            if waiting and node.name not in fixed:
                stack += waiting
                fixed[node.name] = False  # a loop is not fixed
                continue
            stack.pop()
            known = node.op == "Const" or (
                node.op not in unknown
                and node.op not in VARYING
                and node.name not in several
                and len(node.input) > 0
                and all(fixed.get(i, False) for i in node.input)
            )
            fixed[node.name] = known
    return fixed


def _is_stored(nodes: dict, name: str) -> bool:
    """Whether a node is a constant, or passes one on as it is."""
    while nodes[name].op == "Identity":
        name = nodes[name].input[0]
    return nodes[name].op == "Const"

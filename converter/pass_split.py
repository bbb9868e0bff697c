# SPDX-License-Identifier: LGPL-3.0-or-later
"""Slices that together cover an axis (atoms by type, neighbours by type) become one Split."""

from __future__ import annotations

from collections import defaultdict

import onnx_graphsurgeon as gs

from .shape_rules import shape_of
from .symbols import Size


def run(graph: gs.Graph) -> int:
    """Returns the number of Split nodes made."""
    groups: dict[tuple[int, int], list[gs.Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.op == "Slice":
            groups[id(node.inputs[0]), node.attrs["axis"]].append(node)
    made = sum(_merge(graph, nodes) for nodes in groups.values())
    graph.cleanup().toposort()
    return made


def _merge(graph: gs.Graph, nodes: list[gs.Node]) -> bool:
    x, axis = nodes[0].inputs[0], nodes[0].attrs["axis"]
    by_begin = {_key(n.attrs["begin"]): n for n in nodes}
    ordered, at = [], 0
    while _key(at) in by_begin and at != shape_of(x)[axis]:
        node = by_begin.pop(_key(at))
        ordered.append(node)
        at = node.attrs["end"]
    if at != shape_of(x)[axis] or by_begin or len(ordered) < 2 or len(ordered) != len(nodes):
        return False
    sizes: list[Size] = [n.attrs["end"] - n.attrs["begin"] for n in ordered]
    outputs = [n.outputs[0] for n in ordered]
    for n in ordered:
        n.outputs.clear()
    split = gs.Node("Split", f"{x.name}_split", {"axis": axis, "sizes": sizes}, [x], outputs)
    graph.nodes.append(split)
    return True


def _key(size: Size) -> object:
    return size if isinstance(size, int) else repr(size)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""em^T [G_0; G_1; ...] becomes the sum of em_t^T G_t over the neighbour types t.

DeePMD-kit before 1.3 concatenated the embeddings of all neighbour types before one product;
later versions sum products, which is what pass_tables.py looks for.
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from .graph import Builder, replace_everywhere
from .shape_rules import shape_of


def run(graph: gs.Graph) -> int:
    """Returns the number of products split."""
    found = [n for n in graph.nodes if n.op == "MatMul" and _concatenated(n)]
    for node in found:
        em = node.inputs[0].inputs[0].inputs[0]
        build, at, terms = Builder(graph, node.name), 0, []
        for part in node.inputs[1].inputs[0].inputs:
            nnei = shape_of(part)[1]
            rows = build.slice(em, 1, at, at + nnei)
            terms.append(build("MatMul", build("Transpose", rows, perm=[0, 2, 1]), part))
            at += nnei
        replace_everywhere(graph, node.outputs[0], build("Sum", *terms))
        node.outputs.clear()
    graph.cleanup().toposort()
    return len(found)


def _concatenated(node: gs.Node) -> bool:
    a, b = (t.inputs[0] if t.inputs else None for t in node.inputs)
    if a is None or b is None or a.op != "Transpose" or a.attrs.get("perm") != [0, 2, 1]:
        return False
    if b.op != "Concat" or b.attrs["axis"] != 1 or len(shape_of(b.outputs[0])) != 3:
        return False
    return all(isinstance(shape_of(part)[1], int) for part in b.inputs)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Adds the overflow check's outputs (ONNX only; DeePMD-kit's operators have none).

table_overflow int64 (ntables, 2): inputs in the second sub-table and outside both, at the last
check; one row a table, in the order of the metadata. sel_overflow int64 (nenv, ntypes): by how
many neighbours of each type the fullest atom exceeds sel. evaluation int64 (1,), an input that may
be left out: which evaluation this is, where a frame takes several runs.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .graph import Builder
from .shape_rules import ENV_MAT

TABLES = (
    "TabulateFusionSeA",
    "TabulateFusionSeAtten",
    "TabulateFusionSeR",
    "TabulateFusionSeT",
)


def run(graph: gs.Graph, tables: list[str], ntypes: int) -> int:
    """tables: names of the nets in the metadata's order. Returns the number of nodes watched."""
    by_net = {n.inputs[0].name.removesuffix("/table"): n for n in graph.nodes if n.op in TABLES}
    watched = [by_net[name] for name in tables]
    env_mats = [n for n in graph.nodes if n.op in ENV_MAT]
    evaluation = gs.Constant("evaluation", np.array([-1], dtype=np.int64))
    for node in watched:
        if node.op == "TabulateFusionSeAtten" and len(node.inputs) < 7:
            node.inputs.append(gs.Variable.empty())  # two_scale
        node.inputs.append(evaluation)
    graph.outputs.append(_stacked(graph, watched, 2, "table_overflow"))
    graph.outputs.append(_stacked(graph, env_mats, ntypes, "sel_overflow"))
    graph.toposort()
    return len(watched) + len(env_mats)


def _stacked(graph: gs.Graph, nodes: list[gs.Node], columns: int, name: str) -> gs.Variable:
    """The nodes' additional int64 outputs (columns,) as rows of the tensor `name`."""
    build = Builder(graph, name)
    rows = []
    for node in nodes:
        counts = gs.Variable(f"{node.name}/{name}", dtype=np.dtype(np.int64), shape=(columns,))
        node.outputs.append(counts)
        rows.append(build.reshape(counts, (1, columns)))
    result = build("Concat", *rows, axis=0)
    result.name = name
    return result

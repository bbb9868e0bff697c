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
from .shape_rules import DESCRIPTORS, ENV_MAT

TABLES = (
    "TabulateFusionSeA",
    "TabulateFusionSeAtten",
    "TabulateFusionSeR",
    "TabulateFusionSeT",
)


def run(graph: gs.Graph, tables: list[str], ntypes: int) -> int:
    """tables: names of the nets in the metadata's order. Returns the number of nodes watched."""
    build = Builder(graph, "overflow")
    evaluation = gs.Constant("evaluation", np.array([-1], dtype=np.int64))
    names: list[str] = []
    by_table, by_env_mat = [], []
    for node in [n for n in graph.nodes if n.op in (*TABLES, *ENV_MAT, *DESCRIPTORS)]:
        if node.op in TABLES:
            names.append(node.inputs[0].name.removesuffix("/table"))
            by_table.append(build.reshape(_counts(node, "tables", (2,)), (1, 2)))
        elif node.op in DESCRIPTORS:
            names += node.attrs["tables"]
            by_table.append(_counts(node, "tables", (len(node.attrs["tables"]), 2)))
        if node.op not in TABLES:
            by_env_mat.append(build.reshape(_counts(node, "sel", (ntypes,)), (1, ntypes)))
        if node.op == "TabulateFusionSeAtten" and len(node.inputs) < 7:
            node.inputs.append(gs.Variable.empty())  # two_scale
        if node.op not in ENV_MAT:
            node.inputs.append(evaluation)
    found = build("Concat", *by_table, axis=0)
    if names != tables:
        order = np.array([names.index(name) for name in tables], dtype=np.int64)
        found = build("Gather", found, order, axis=0)
    above = build("Concat", *by_env_mat, axis=0)
    found.name, above.name = "table_overflow", "sel_overflow"
    graph.outputs += [found, above]
    graph.toposort()
    return len(names) + len(by_env_mat)


def _counts(node: gs.Node, what: str, shape: tuple[int, ...]) -> gs.Variable:
    """One more output of the node, int64."""
    counts = gs.Variable(f"{node.name}/{what}", dtype=np.dtype(np.int64), shape=shape)
    node.outputs.append(counts)
    return counts

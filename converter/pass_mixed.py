# SPDX-License-Identifier: LGPL-3.0-or-later
"""--precision mixed: tables and fitting nets in float32, the rest of a float64 model as it is.

Coordinates, environment matrix, forces and virials stay float64, and so do the energies from the
last product of each net on: its bias is hundreds of eV. Works on a fused graph without gradient;
the gradient of a Cast casts back.
"""

from __future__ import annotations

import logging

import numpy as np
import onnx_graphsurgeon as gs

from .graph import Builder
from .shape_rules import DESCRIPTORS

log = logging.getLogger("dponnx")

NARROW = np.dtype(np.float32)
# Operators that pass float32 on; everything else reads float64.
THROUGH = (
    "ContractSeA",
    "FittingLayer",
    "MatMul",
    "Concat",
    "Split",
    "Slice",
    "Reshape",
    "Tanh",
    "Mul",
)


def run(graph: gs.Graph) -> int:
    """Returns the number of nodes that compute in float32 afterwards; 0 if nothing was fused or
    the model is float32 already."""
    narrow: set[str] = set()
    count = 0
    for node in list(graph.nodes):
        if node.op in DESCRIPTORS and node.inputs[6].dtype == np.float64:
            narrowed = [_narrow_constant(t) for t in node.inputs[6:9]]
            node.inputs = [*node.inputs[:6], *narrowed, *node.inputs[9:]]
        elif node.op in THROUGH and any(t.name in narrow for t in node.inputs):
            node.inputs = [_narrow(graph, node, t, narrow) for t in node.inputs]
        else:
            continue
        count += 1
        for output in node.outputs:
            output.dtype = NARROW
            narrow.add(output.name)
    for tensor in [t for n in list(graph.nodes) for t in n.outputs if t.name in narrow]:
        _widen_for_others(graph, tensor, narrow)
    graph.cleanup().toposort()
    return count


def _narrow_constant(t: gs.Tensor, reader: str = "") -> gs.Constant:
    return gs.Constant(f"{t.name}/float32{reader}", t.values.astype(NARROW))


def _narrow(graph: gs.Graph, node: gs.Node, t: gs.Tensor, narrow: set[str]) -> gs.Tensor:
    if t.dtype != np.float64 or t.name in narrow:
        return t
    if isinstance(t, gs.Constant):
        return _narrow_constant(t, f"/{node.name}")
    return _cast(graph, node, t, NARROW)


def _cast(graph: gs.Graph, node: gs.Node, t: gs.Tensor, dtype) -> gs.Variable:
    return Builder(graph, node.name).cast(t, dtype)


def _widen_for_others(graph: gs.Graph, tensor: gs.Variable, narrow: set[str]) -> None:
    """Readers that do not compute in float32 get the tensor as float64."""
    others = [n for n in tensor.outputs if n.op != "Cast" and not _is_narrow(n, narrow)]
    if not others and tensor not in graph.outputs:
        return
    wide = _cast(graph, tensor.inputs[0], tensor, np.float64)
    for node in others:
        node.inputs = [wide if t is tensor else t for t in node.inputs]
    graph.outputs = [wide if t is tensor else t for t in graph.outputs]


def _is_narrow(node: gs.Node, narrow: set[str]) -> bool:
    return any(t.name in narrow for t in node.outputs)

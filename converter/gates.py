# SPDX-License-Identifier: LGPL-3.0-or-later
"""Recognises what a type embedding does to an embedding net's result y: y + y * gate.

The gate of a pair of atoms is a row of a constant, chosen by the types of the two; smooth type
embeddings (se_atten_v2) multiply the row with a number that fades out at the cutoff.
"""

from __future__ import annotations

from dataclasses import dataclass

import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .shape_rules import shape_of


@dataclass(frozen=True)
class Gate:
    """rows (pairs of types, width); index: which row, one a neighbour; scale: what the row is
    multiplied with, one a neighbour, None: nothing; result: the tensor y + y * gate."""

    rows: gs.Constant
    index: gs.Tensor
    scale: gs.Tensor | None
    result: gs.Variable


def find_gate(readers: list[tuple[gs.Node, gs.Tensor]]) -> Gate | None:
    """The gate if the readers (node, what it reads of the net) are y * gate and y + y * gate.
    ConversionError if they are, but the gate comes from elsewhere."""
    by_op = {node.op: (node, y) for node, y in readers}
    if len(readers) != 2 or set(by_op) != {"Mul", "Add"}:
        return None
    (multiply, y), (add, also_y) = by_op["Mul"], by_op["Add"]
    product = multiply.outputs[0]
    if y is not also_y or [t for t in add.inputs if t is not y] != [product]:
        return None
    factors = [t for t in multiply.inputs if t is not y]
    gathered, scale = _maker(factors[0]) if factors else None, None
    if gathered is not None and gathered.op == "Mul":
        a, b = gathered.inputs
        gathered, scale = (_maker(a), b) if shape_of(b)[-1] == 1 else (_maker(b), a)
    chosen = gathered is not None and gathered.op == "Gather" and not gathered.attrs.get("axis", 0)
    if not chosen or not isinstance(gathered.inputs[0], gs.Constant):
        raise ConversionError(
            f"{multiply.name} multiplies an embedding net with something other than rows of a "
            "constant, chosen by the types of each pair of atoms"
        )
    return Gate(gathered.inputs[0], gathered.inputs[1], scale, add.outputs[0])


def _maker(tensor: gs.Tensor) -> gs.Node | None:
    """The node that computes a tensor, but for reshapes; None for constants and inputs."""
    while tensor.inputs and tensor.inputs[0].op == "Reshape":
        tensor = tensor.inputs[0].inputs[0]
    return tensor.inputs[0] if tensor.inputs else None

# SPDX-License-Identifier: LGPL-3.0-or-later
"""The mask of excluded pairs of types in one-sided models (`exclude_types`).

DeePMD-kit multiplies each row of the environment matrix (atoms, slots C) by

    table[factor * atype + neighbour type of the column]    0 or 1
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

LAYOUT = ("Reshape", "Expand", "Cast", "Slice")


def masked_rows(node: gs.Node, ntypes: int) -> tuple[gs.Tensor, np.ndarray] | None:
    """Of a Mul: what is multiplied by a mask, and the mask (ntypes, columns) of each centre type;
    None if no factor is such a mask."""
    if node.op != "Mul" or len(node.inputs) != 2:
        return None
    for rows, mask in (node.inputs, node.inputs[::-1]):
        found = _mask(mask, ntypes)
        if found is not None:
            return rows, found
    return None


def _mask(t: gs.Tensor, ntypes: int) -> np.ndarray | None:
    gather = _producer(t, "Gather")
    if gather is None or not isinstance(gather.inputs[0], gs.Constant):
        return None
    add = _producer(gather.inputs[1], "Add")
    if add is None:
        return None
    for of_atom, of_column in (add.inputs, add.inputs[::-1]):
        factor, column = _atype_factor(of_atom), _without_layout(of_column)
        if factor is not None and isinstance(column, gs.Constant):
            index = factor * np.arange(ntypes)[:, None] + column.values.reshape(1, -1)
            return gather.inputs[0].values.ravel()[index.astype(np.int64)]
    return None


def _atype_factor(t: gs.Tensor) -> int | None:
    """k of k * atype."""
    mul = _producer(t, "Mul")
    if mul is None:
        return None
    for atype, factor in (mul.inputs, mul.inputs[::-1]):
        if _without_layout(atype).name == "atype" and isinstance(factor, gs.Constant):
            return int(factor.values.ravel()[0]) if factor.values.size == 1 else None
    return None


def _without_layout(t: gs.Tensor) -> gs.Tensor:
    while t.inputs and t.inputs[0].op in LAYOUT:
        t = t.inputs[0].inputs[0]
    return t


def _producer(t: gs.Tensor, op: str) -> gs.Node | None:
    t = _without_layout(t)
    return t.inputs[0] if t.inputs and t.inputs[0].op == op else None

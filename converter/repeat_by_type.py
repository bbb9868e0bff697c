# SPDX-License-Identifier: LGPL-3.0-or-later
"""Dissolves tf.repeat(value of each type, natoms) in graphs of polarisability models.

DeePMD-kit adds a constant of each type to every selected atom:

    tile(repeat(value, natoms[2:]), nframes) -> (nframes, nloc) -> boolean_mask(selected types)

tf.repeat and tf.boolean_mask have shapes that depend on data. As atoms are sorted by type the
result is known: for each selected type t a block (nframes, natoms[2 + t]) of value[t], side by
side. That is what unroll() writes in their place, in plain TensorFlow operators.
"""

from __future__ import annotations

import re

import numpy as np

from ..runtime.errors import UnsupportedModelError
from .tensorflow_quiet import tensorflow
from .tf_nodes import NodeWriter

SCOPE = "unrolled"  # of the nodes written here
MASKED = re.compile(r"^(?!.*Repeat(_\d+)?/)(.*/)?boolean_mask(_\d+)?/GatherV2$")
PASSED = ("Reshape", "Tile", "Identity", "Squeeze", "Where", "ExpandDims")  # on the way


def unroll(model):
    """The model's GraphDef, every masked repetition written as blocks; itself if it has none.
    UnsupportedModelError where what is repeated is not a constant of each type."""
    found = [n.name for n in model.graph_def.node if n.op == "GatherV2" and MASKED.match(n.name)]
    if not found:
        return model.graph_def
    graph_def = type(model.graph_def)()
    graph_def.CopyFrom(model.graph_def)
    writer = NodeWriter(graph_def.versions)
    for name in found:
        node = next(n for n in graph_def.node if n.name == name)
        blocks, dtype = _blocks(model, writer, node)
        flat = writer.const(np.array([-1], dtype=np.int32), f"{SCOPE}/flat")
        node.op, node.input[:] = "Reshape", [blocks, flat]
        node.attr.clear()
        for key, value in (("T", dtype), ("Tshape", np.dtype(np.int32))):
            node.attr[key].type = tensorflow().as_dtype(value).as_datatype_enum
    graph_def.node.extend(writer.graph_def.node)
    return graph_def


def _blocks(model, writer: NodeWriter, node) -> tuple[str, np.dtype]:
    """The node (nframes, selected atoms) that stands for a masked repetition, and its type."""
    spread = model.nodes[model.nodes[node.input[0]].input[0]]  # (nframes, nloc)
    nframes = model.nodes[spread.input[1]].input[0]
    values, mask = (_repeated(model, node, i) for i in (0, 1))
    if values.shape != (model.ntypes,) or mask.shape != (model.ntypes,):
        raise UnsupportedModelError(
            f"{node.name}: repeats {values.shape} values for {model.ntypes} atom types"
        )
    blocks = []
    for t in np.flatnonzero(mask):
        begin, end, one = (
            writer.const(np.array([k], dtype=np.int32), f"{SCOPE}/bound") for k in (t + 2, t + 3, 1)
        )
        count = writer.op(
            "StridedSlice",
            ["t_natoms", begin, end, one],
            name=f"{SCOPE}/count",
            T=np.int32,
            Index=np.int32,
            shrink_axis_mask=1,
        )
        shape = writer.op("Pack", [nframes, count], name=f"{SCOPE}/shape", N=2, T=np.int32, axis=0)
        value = writer.const(values[t], f"{SCOPE}/value")
        blocks.append(
            writer.op(
                "Fill", [shape, value], name=f"{SCOPE}/block", T=values.dtype, index_type=np.int32
            )
        )
    if len(blocks) == 1:
        return blocks[0], values.dtype
    axis = writer.const(np.array(1, dtype=np.int32), f"{SCOPE}/axis")
    joined = writer.op(
        "ConcatV2",
        [*blocks, axis],
        name=f"{SCOPE}/blocks",
        N=len(blocks),
        T=values.dtype,
        Tidx=np.int32,
    )
    return joined, values.dtype


def _repeated(model, node, which: int) -> np.ndarray:
    """The constant behind input `which` of a node: through one tf.repeat, reshapes and tiles."""
    at = model.nodes[node.input[which]]
    while at.op != "Const":
        inside = re.search(r"Repeat(_\d+)?/boolean_mask/GatherV2$", at.name)
        if at.op not in PASSED and not inside:
            raise UnsupportedModelError(
                f"{node.name} reads {at.name} ({at.op}); expected a constant of each atom type, "
                "repeated for its atoms"
            )
        at = model.nodes[at.input[0]]
    return model.const(at.name)

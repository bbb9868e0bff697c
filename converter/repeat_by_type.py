# SPDX-License-Identifier: LGPL-3.0-or-later
"""Dissolves boolean masks over atoms in graphs of dipole and polarisability models.

DeePMD-kit picks the atoms of the selected types; what it picks from is a constant of each type,
or, with a type embedding, any tensor of atoms:

    tile(repeat(value, natoms[2:]), nframes) -> (nframes, nloc) -> boolean_mask(selected types)
    x (nframes, nloc, ...) -> boolean_mask(selected types)

tf.repeat and tf.boolean_mask have shapes that depend on data. As atoms are sorted by type the
result is known: for each selected type t a block (nframes, natoms[2 + t], ...), filled with
value[t] or cut out of x, side by side. That is what unroll() writes in their place, in plain
TensorFlow operators.
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
    """The model's GraphDef, every mask over atoms written as blocks; itself if it has none.
    UnsupportedModelError where the mask is not a constant of each type."""
    found = [n.name for n in model.graph_def.node if n.op == "GatherV2" and MASKED.match(n.name)]
    if not found:
        return model.graph_def
    graph_def = type(model.graph_def)()
    graph_def.CopyFrom(model.graph_def)
    nodes = {n.name: n for n in graph_def.node}
    write = _Blocks(model, NodeWriter(graph_def.versions))
    for name in found:
        node = nodes[name]
        dtype = node.attr["Tparams"].type
        blocks = write.of(node)
        flat = write.ints([-1])
        node.op, node.input[:] = "Reshape", [blocks, flat]  # readers give it its shape
        node.attr.clear()
        node.attr["T"].type = dtype
        node.attr["Tshape"].type = tensorflow().int32.as_datatype_enum
    graph_def.node.extend(write.writer.graph_def.node)
    return graph_def


class _Blocks:
    """Writes the blocks that stand for masks."""

    def __init__(self, model, writer: NodeWriter):
        self.model, self.writer = model, writer

    def of(self, node) -> str:
        """The node that joins the blocks of the GatherV2 of a boolean mask."""
        mask, values = self._repeated(node, 1), self._repeated(node, 0)
        for repeated in (mask, values):
            if repeated is not None and repeated.shape != (self.model.ntypes,):
                raise UnsupportedModelError(
                    f"{node.name}: repeats {repeated.shape} values for {self.model.ntypes} types"
                )
        if mask is None:
            raise UnsupportedModelError(
                f"{node.name}: masks atoms with {node.input[1]}; expected a constant of each atom "
                "type, repeated for its atoms"
            )
        source = self.model.nodes[self.model.nodes[node.input[0]].input[0]]
        dtype = np.dtype(tensorflow().as_dtype(node.attr["Tparams"].type).as_numpy_dtype)
        if values is None:
            return self._cut(source.name, np.flatnonzero(mask), dtype)
        nframes = self.model.nodes[source.input[1]].input[0]
        return self._joined([self._filled(nframes, t, values[t]) for t in np.flatnonzero(mask)])

    def _filled(self, nframes: str, t: int, value) -> tuple[str, np.dtype]:
        """(nframes, natoms[2 + t]) times the value."""
        shape = self._pack([nframes, self._count(t)])
        name = self.writer.op(
            "Fill",
            [shape, self.writer.const(value, f"{SCOPE}/value")],
            name=f"{SCOPE}/block",
            T=value.dtype,
            index_type=np.int32,
        )
        return name, value.dtype

    def _cut(self, source: str, types: np.ndarray, dtype: np.dtype) -> str:
        """The atoms of such types out of source (nframes, nloc, ...)."""
        if len(types) == self.model.ntypes:
            return source
        zero, blocks = self.ints(0), []
        for t in types:
            begin = zero
            for before in range(t):
                begin = self.writer.binary("AddV2", begin, self._count(before), np.int32)
            end = self.writer.binary("AddV2", begin, self._count(t), np.int32)
            bounds = [self._pack([zero, begin]), self._pack([zero, end]), self.ints([1, 1])]
            name = self._slice(source, bounds, dtype, begin_mask=1, end_mask=1)
            blocks.append((name, dtype))
        return self._joined(blocks)

    def _joined(self, blocks: list[tuple[str, np.dtype]]) -> str:
        """Blocks (node, type) side by side."""
        if len(blocks) == 1:
            return blocks[0][0]
        return self.writer.op(
            "ConcatV2",
            [*(name for name, _ in blocks), self.ints(1)],
            name=f"{SCOPE}/blocks",
            N=len(blocks),
            T=blocks[0][1],
            Tidx=np.int32,
        )

    def _count(self, t: int) -> str:
        """Number of atoms of type t."""
        bounds = [self.ints([k]) for k in (t + 2, t + 3, 1)]
        return self._slice("t_natoms", bounds, np.dtype(np.int32), shrink_axis_mask=1)

    def _slice(self, source: str, bounds: list[str], dtype: np.dtype, **masks: int) -> str:
        return self.writer.op(
            "StridedSlice",
            [source, *bounds],
            name=f"{SCOPE}/slice",
            T=dtype,
            Index=np.int32,
            **masks,
        )

    def _pack(self, sizes: list[str]) -> str:
        return self.writer.op(
            "Pack", sizes, name=f"{SCOPE}/shape", N=len(sizes), T=np.int32, axis=0
        )

    def ints(self, values) -> str:
        return self.writer.const(np.array(values, dtype=np.int32), f"{SCOPE}/const")

    def _repeated(self, node, which: int) -> np.ndarray | None:
        """The constant behind input `which` of a node: through one tf.repeat, reshapes and tiles;
        None if it is computed."""
        at = self.model.nodes[node.input[which]]
        while at.op != "Const":
            inside = re.search(r"Repeat(_\d+)?/boolean_mask/GatherV2$", at.name)
            if at.op not in PASSED and not inside:
                return None
            at = self.model.nodes[at.input[0]]
        return self.model.const(at.name)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Our graph -> frozen TensorFlow graph that DeePMD-kit itself loads and runs.

Node by node, with DeePMD-kit's placeholders (t_coord, t_type, t_natoms, t_box, t_mesh), its
operators and its output names; attribute constants are copied from the original. Any number
of frames: sizes with a factor nframes become -1 where TensorFlow can infer them.
"""

from __future__ import annotations

import re

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from . import tf_rules, tf_rules_gated
from .frozen_graph import FrozenModel
from .gradient import SIZES
from .shape_rules import ENV_MAT, shape_of
from .symbols import FRAMES, Dim, Size, nframes, nloc, product
from .tensorflow_quiet import tensorflow
from .tf_nodes import NodeWriter
from .tf_rules import INPUTS

RULES = tf_rules.RULES | tf_rules_gated.RULES
PLACEHOLDERS = ("t_coord", "t_type", "t_natoms", "t_box", "t_mesh", "t_fparam", "t_aparam")
ATTRIBUTES = re.compile(
    r"^(model_attr|train_attr|fitting_attr\w*|descrpt_attr\w*|spin_attr)/|^model_type$"
)


def to_graph_def(graph: gs.Graph, model: FrozenModel, *, compressed: bool):
    """The GraphDef. `graph` is only read."""
    out = Emitter(model, compressed)
    for tensor in graph.inputs:
        if tensor.name in INPUTS:
            out.put(tensor, out.placeholder(tensor))
    for node in graph.nodes:
        if node.op not in RULES:
            raise ConversionError(f"{node.name}: no TensorFlow form for operator {node.op}")
        RULES[node.op](out, node)
    out.finish({t.name: t for t in graph.outputs})
    return out.writer.graph_def


class Emitter:
    """The GraphDef being written: names of our tensors in it, sizes, DeePMD-kit's frame."""

    def __init__(self, model: FrozenModel, compressed: bool):
        self.writer = NodeWriter(model.graph_def.versions)
        self.names: dict[str, str] = {}  # our tensor -> TensorFlow tensor
        self.raw: dict[str, str] = {}  # the same, in the shape DeePMD-kit's operators give them
        self.model, self.ntypes = model, model.ntypes
        self._sizes: dict[object, str] = {}
        for node in model.graph_def.node:
            if node.name in PLACEHOLDERS:
                self.writer.copy(node)
            elif node.op == "Const" and ATTRIBUTES.match(node.name):
                self._copy_attribute(node, compressed)

    def _copy_attribute(self, node, compressed: bool) -> None:
        copied = self.writer.copy(node)
        if node.name == "model_type":
            kind = b"compressed_model" if compressed else b"original_model"
            copied.attr["value"].tensor.string_val[:] = [kind]

    def name(self, tensor: gs.Tensor) -> str:
        """The TensorFlow tensor that holds ours; constants are written on first use."""
        if tensor.name not in self.names:
            if not isinstance(tensor, gs.Constant):
                raise ConversionError(f"{tensor.name} is read before it is computed")
            self.names[tensor.name] = self.writer.const(tensor.values, tensor.name)
        return self.names[tensor.name]

    def placeholder(self, tensor: gs.Tensor) -> str:
        """DeePMD-kit's placeholder in our shape: fparam and aparam come with frames first, types
        flat from Python and with frames first from C++."""
        name = INPUTS[tensor.name]
        is_read = any(reader.op not in ENV_MAT for reader in tensor.outputs)
        if tensor.name in ("fparam", "aparam") or (tensor.name == "atype" and is_read):
            return self.reshape(name, shape_of(tensor), self.dtype_of(name))
        return name

    def inputs(self, node: gs.Node) -> list[str]:
        return [self.name(t) for t in node.inputs]

    def put(self, tensor: gs.Tensor, name: str) -> None:
        self.names[tensor.name] = name

    def sizes(self, sizes: tuple[Size, ...]) -> str:
        """(len(sizes),) int32 tensor; a size with a factor nframes is -1, unless another may be 0:
        nothing could be inferred then."""
        framed = [isinstance(s, Dim) and FRAMES in s.symbols() for s in sizes]
        if sum(framed) > 1:
            raise ConversionError(f"shape {sizes} has two sizes with a factor nframes")
        inferred = all(f or (isinstance(s, int) and s) for f, s in zip(framed, sizes, strict=True))
        parts = [-1 if f and inferred else s for f, s in zip(framed, sizes, strict=True)]
        if all(isinstance(s, int) for s in parts):
            return self.writer.const(np.array(parts, dtype=np.int32), "shape")
        return self.writer.op(
            "Pack", [self.size(s) for s in parts], N=len(parts), T=np.int32, axis=0
        )

    def size(self, size: Size) -> str:
        """Scalar int32 tensor."""
        if isinstance(size, int):
            return self.writer.const(np.array(size, dtype=np.int32), "size")
        if size not in self._sizes:
            self._sizes[size] = self._computed(size)
        return self._sizes[size]

    def _computed(self, size: Dim) -> str:
        if size == nloc(self.ntypes):
            return self._natoms_entry(0)
        if size == nframes:  # also where there are no atoms
            count = self.writer.op("Size", ["t_box"], T=self.dtype_of("t_box"), out_type=np.int32)
            return self.writer.binary("FloorDiv", count, self.size(9), np.int32)
        total = None
        for monomial, c in sorted(size.terms.items()):
            term = self.size(c)
            for symbol in monomial:
                factor = self._symbol(symbol)
                same = c == 1 and symbol == monomial[0]
                term = factor if same else self.writer.binary("Mul", term, factor, np.int32)
            total = term if total is None else self.writer.binary("AddV2", total, term, np.int32)
        return total

    def _symbol(self, symbol: str) -> str:
        if symbol == FRAMES:
            return self.size(nframes)
        return self._natoms_entry(1 if symbol == "nall" else 2 + int(symbol[2:]))

    def _natoms_entry(self, i: int) -> str:
        key = ("natoms", i)
        if key not in self._sizes:
            bounds = [
                self.writer.const(np.array([k], dtype=np.int32), "bound") for k in (i, i + 1, 1)
            ]
            self._sizes[key] = self.writer.op(
                "StridedSlice",
                ["t_natoms", *bounds],
                T=np.int32,
                Index=np.int32,
                shrink_axis_mask=1,
                begin_mask=0,
                end_mask=0,
                ellipsis_mask=0,
                new_axis_mask=0,
            )
        return self._sizes[key]

    def dtype_of(self, placeholder: str) -> np.dtype:
        return np.dtype(
            tensorflow().as_dtype(self.model.nodes[placeholder].attr["dtype"].type).as_numpy_dtype
        )

    def reshape(self, x: str, sizes: tuple[Size, ...], dtype, name: str | None = None) -> str:
        return self.writer.op(
            "Reshape", [x, self.sizes(sizes)], name=name, T=dtype, Tshape=np.int32
        )

    def finish(self, outputs: dict[str, gs.Tensor]) -> None:
        """Names the results as DeePMD-kit does: o_energy and the rest, frames first."""
        quantity = self.model.quantity
        k, rows = quantity.width, quantity.rows
        if quantity.is_energy:
            form = {"energy": (nframes,), "atom_energy": (nframes, rows)}
        elif quantity.has_force:
            form = {quantity.name: (nframes, k), quantity.atomic: (nframes, k * rows)}
        else:
            form = {quantity.name: (nframes, k), quantity.atomic: (nframes, rows, k)}
        form |= {key: (nframes, k * product(sizes)) for key, sizes in SIZES.items()}
        names = {quantity.name: quantity.total, quantity.atomic: quantity.target}
        for ours, tensor in outputs.items():
            name = names.get(ours, f"o_{ours}")
            self.reshape(self.name(tensor), form[ours], tensor.dtype, name=name)

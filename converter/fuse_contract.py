# SPDX-License-Identifier: LGPL-3.0-or-later
"""D = (G^T R)(R^T G_axis) of se_e2_a becomes one operator that keeps each number once.

D[m][a] = D[a][m] where both are there. ContractSeA keeps m >= a only, row a after row a - 1, and
the matrices that D meets get the sum of the two rows: 7.5 % fewer multiplications in the fitting
net's first layer for 100 x 16. That changes the columns of every tensor between D and the matrices,
hence all contractions of a graph are fused, or none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs

from . import pass_simplify
from .fuse_origin import NotFused
from .graph import Builder, replace_everywhere
from .shape_rules import shape_of
from .symbols import Shape, divide, product


@dataclass(frozen=True)
class Block:
    """width columns, in the order they have; or, if axis > 0, D of width / axis times axis."""

    width: int
    axis: int = 0

    @property
    def rows(self) -> int:
        return self.width // self.axis

    @property
    def packed(self) -> int:
        """Columns once D is packed."""
        return self.width - self.axis * (self.axis - 1) // 2 if self.axis else self.width


@dataclass
class Spread:
    """How far D's columns reach: layout of each tensor's last axis, and the matrices at the end."""

    layout: dict[str, tuple[Block, ...]] = field(default_factory=dict)
    tensors: list[gs.Variable] = field(default_factory=list)
    products: list[gs.Node] = field(default_factory=list)


def run(graph: gs.Graph) -> tuple[int, list[str]]:
    """How many contractions were replaced, and why not."""
    found = [(n, axis) for n in graph.nodes if (axis := _axis(n))]
    if not found:
        return 0, []
    _skip_concat_split(graph)
    for node, _ in found:
        _split_by_atoms(graph, node.outputs[0])
    pass_simplify.run(graph)
    try:
        spread = _spread(graph, dict((n.name, axis) for n, axis in found))
    except NotFused as reason:
        return 0, [f"contraction of the descriptor: {reason}"]
    for node in spread.products:
        node.inputs[1] = _packed_matrix(graph, node, spread.layout[node.inputs[0].name])
    for node, axis in found:
        build = Builder(graph, node.name)
        packed = build("ContractSeA", node.inputs[0].inputs[0].inputs[0], axis=axis)
        replace_everywhere(graph, node.outputs[0], packed)
        node.outputs.clear()
    for tensor in spread.tensors:
        columns = sum(b.packed for b in spread.layout[tensor.name])
        tensor.shape = (*shape_of(tensor)[:-1], columns)
    _below_split(graph)
    graph.cleanup().toposort()
    return len(found), []


def _axis(node: gs.Node) -> int:
    """Columns of the second factor, if the node is such a product; else 0."""
    if node.op != "MatMul" or any(not t.inputs for t in node.inputs):
        return 0
    a, b = (t.inputs[0] for t in node.inputs)
    if a.op != "Transpose" or a.attrs.get("perm") != [0, 2, 1]:
        return 0
    source = a.inputs[0]
    if len(shape_of(source)) != 3 or shape_of(source)[1] != 4:
        return 0
    if b.op != "Slice" or b.inputs[0] is not source:
        return 0
    return int(b.attrs["end"]) if (b.attrs["axis"], b.attrs["begin"]) == (2, 0) else 0


def _spread(graph: gs.Graph, axis_of: dict[str, int]) -> Spread:
    spread = Spread()
    for node in graph.nodes:
        if node.name in axis_of:
            n, m, axis = shape_of(node.outputs[0])
            spread.layout[node.outputs[0].name] = (Block(m * axis, axis),)
            continue
        known = [spread.layout.get(t.name) for t in node.inputs]
        if not any(known):
            continue
        if node.op == "MatMul" and known[0] and isinstance(node.inputs[1], gs.Constant):
            if len(shape_of(node.inputs[1])) != 2:
                raise NotFused(f"{node.name} is no product with a matrix")
            spread.products.append(node)
            continue
        layout = _passed_on(node, known)
        for output in node.outputs:
            spread.layout[output.name] = layout
            spread.tensors.append(output)
    if any(spread.layout.get(t.name) for t in graph.outputs) or not spread.products:
        raise NotFused("it does not end in products with matrices")
    return spread


def _passed_on(node: gs.Node, known: list) -> tuple[Block, ...]:
    """Layout of the node's outputs."""
    shape = shape_of(node.outputs[0])
    if node.op == "Cast":
        return known[0]
    if node.op == "Reshape" and shape[-1] == sum(b.width for b in known[0]):
        return known[0]
    if node.op in ("Split", "Slice") and node.attrs["axis"] < len(shape) - 1:
        return known[0]
    if node.op == "Concat" and node.attrs["axis"] % len(shape) == len(shape) - 1:
        parts = zip(known, node.inputs, strict=True)
        blocks = [layout or (Block(int(shape_of(t)[-1])),) for layout, t in parts]
        return tuple(b for part in blocks for b in part)
    if node.op == "Concat" and all(k == known[0] for k in known):
        return known[0]
    raise NotFused(f"{node.name} ({node.op}) reads it on the way to the fitting net")


def packed_order(rows: int, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Places in D (rows, axis) of what the packed form holds: of D[m][a], and of D[a][m] where that
    is another number of D, else -1."""
    first, second = [], []
    for a in range(axis):
        for m in range(a, rows):
            first.append(m * axis + a)
            second.append(a * axis + m if a < m < axis else -1)
    return np.array(first), np.array(second)


def _packed_matrix(graph: gs.Graph, node: gs.Node, layout: tuple[Block, ...]) -> gs.Constant:
    """The node's matrix for packed columns."""
    old = node.inputs[1]
    parts, at = [], 0
    for block in layout:
        rows = old.values[at : at + block.width]
        if block.axis:
            first, second = packed_order(block.rows, block.axis)
            twice = (second >= 0)[:, None]
            rows = rows[first] + np.where(twice, rows[second], 0).astype(rows.dtype)
        parts.append(rows)
        at += block.width
    return gs.Constant(f"{old.name}/packed/{node.name}", np.concatenate(parts))


def _below_split(graph: gs.Graph) -> None:
    """Contract(T) split by type becomes contractions of T split by type: T is the smaller one."""
    for node in [n for n in graph.nodes if n.op == "ContractSeA"]:
        split, source = _only_reader(node.outputs[0], "Split"), node.inputs[0]
        if split is None or split.attrs["axis"] != 1 or len(shape_of(split.inputs[0])) != 3:
            continue
        build = Builder(graph, node.name)
        lead: Shape = shape_of(split.inputs[0])[:2]
        framed = build.reshape(source, (*lead, *shape_of(source)[1:]))
        parts = build.nodes("Split", framed, axis=1, sizes=split.attrs["sizes"])
        for part, old in zip(parts, list(split.outputs), strict=True):
            rows = shape_of(part)[0] * shape_of(part)[1]
            each = build.reshape(part, (rows, *shape_of(source)[1:]))
            packed = build("ContractSeA", each, **node.attrs)
            replace_everywhere(graph, old, build.reshape(packed, shape_of(old)))
        split.outputs.clear()


def _split_by_atoms(graph: gs.Graph, d: gs.Variable) -> None:
    """Split by type of a frame's atoms that stand in one row (nframes, atoms * columns), as in
    models of polarisabilities: as rows (nframes, atoms, columns) first."""
    split, columns = _only_reader(d, "Split"), product(shape_of(d)[1:])
    if split is None or split.attrs["axis"] != 1 or len(shape_of(split.inputs[0])) != 2:
        return
    build = Builder(graph, split.name)
    nframes, numbers = shape_of(split.inputs[0])
    try:
        sizes = [divide(size, columns) for size in split.attrs["sizes"]]
    except ValueError:  # it does not cut between atoms
        return
    rows = build.reshape(d, (nframes, divide(numbers, columns), columns))
    parts = build.nodes("Split", rows, axis=1, sizes=sizes)
    for part, old in zip(parts, list(split.outputs), strict=True):
        replace_everywhere(graph, old, build.reshape(part, shape_of(old)))
    split.outputs.clear()


def _only_reader(t: gs.Tensor, op: str) -> gs.Node | None:
    """The one node behind t, through Reshapes, if it is such an operator."""
    while len(t.outputs) == 1:
        node = t.outputs[0]
        if node.op == op:
            return node
        if node.op != "Reshape":
            return None
        t = node.outputs[0]
    return None


def _skip_concat_split(graph: gs.Graph) -> None:
    """A Split that takes apart what a Concat put together."""
    for node in [n for n in graph.nodes if n.op == "Split"]:
        concat = node.inputs[0].inputs[0] if node.inputs[0].inputs else None
        if concat is None or concat.op != "Concat" or len(concat.inputs) != len(node.outputs):
            continue
        if concat.attrs["axis"] != node.attrs["axis"]:
            continue
        pairs = list(zip(concat.inputs, node.outputs, strict=True))
        if all(shape_of(a) == shape_of(b) for a, b in pairs):
            for a, b in pairs:
                replace_everywhere(graph, b, a)
            node.outputs.clear()

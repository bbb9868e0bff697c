# SPDX-License-Identifier: LGPL-3.0-or-later
"""Finds the embedding nets of a graph, by the names of their weights.

Net (t, n) of centre type t (or `all`) and neighbour type n (two types for se_e3, no number where
one net serves all) starts where a tensor of one column meets
`filter_type_{t}{suffix}/matrix_1_{n}`, and ends where its rows meet other data or are summed. What
lies in between is the net, whatever its layers look like.

A net G beside a type embedding is read as G + G * gate, with one gate a pair of atoms. Nets of
more columns, or with attention layers behind them, cannot become tables: survey() says why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from ..runtime.metadata import KeptPart
from . import taylor
from .gates import Gate, find_gate
from .graph import tf_name
from .shape_rules import ENV_MAT, shape_of

FIRST_LAYER = re.compile(
    r"^(?P<scope>filter_type_(?P<center>all|\d+)(?P<suffix>\w*))"
    r"/matrix_1(_(?P<neighbors>\d+(_\d+)?))?$"
)
STATISTICS = re.compile(r"^descrpt_attr(?P<suffix>\w*)/t_avg$")
ATTENTION = "attention_layer_0{suffix}/c_query/matrix"


@dataclass(frozen=True)
class EmbeddingNet:
    """x (rows, 1) -> y (rows, width); `reader` is the one node that reads the result.

    center: the centre type, None where one net serves all; neighbors: the neighbour's type,
    the two of se_e3, none where one net serves all; gate: what a type embedding does to y.
    """

    scope: str
    center: int | None
    neighbors: tuple[int, ...]
    env_mat: gs.Node
    x: gs.Variable
    y: gs.Variable
    nodes: list[gs.Node]
    reader: gs.Node
    gate: Gate | None = None

    @property
    def name(self) -> str:
        return "_".join([self.scope, "net", *map(str, self.neighbors)])

    @property
    def order(self) -> int:
        """Of how many neighbours' rows x is a product: two in se_e3."""
        return max(1, len(self.neighbors))

    @property
    def width(self) -> int:
        return int(shape_of(self.y)[1])

    def __call__(self, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value, slope and curvature (n, width) at inputs `at` (n,)."""
        return taylor.evaluate(self.nodes, self.x, self.y, at)


def find(graph: gs.Graph) -> list[EmbeddingNet]:
    """All nets that can become tables, in the order of the graph, which must be topological."""
    return survey(graph)[0]


def survey(graph: gs.Graph) -> tuple[list[EmbeddingNet], list[KeptPart]]:
    """The nets that can become tables, and one entry for each sub-model whose nets cannot."""
    constants = {tf_name(t.name) for t in graph.tensors().values() if isinstance(t, gs.Constant)}
    nets, kept = [], {}
    for node in graph.nodes:
        if node.op != "MatMul" or not isinstance(node.inputs[1], gs.Constant):
            continue
        match = FIRST_LAYER.match(tf_name(node.inputs[1].name))
        if not match:
            continue
        suffix = match["suffix"]
        if shape_of(node.inputs[0])[1] != 1:
            reason = "its embedding net reads types beside the distance (tebd_input_mode concat)"
        elif ATTENTION.format(suffix=suffix) in constants:
            reason = "attention layers stand behind its embedding net (attn_layer above 0)"
        else:
            net = _trace(graph, node, match)
            unknown = sorted({n.op for n in net.nodes} - set(taylor.RULES))
            if not unknown:
                nets.append(net)
                continue
            reason = f"operator {unknown[0]} of its embedding net has no table rule"
        kept[_place(suffix)] = reason
    found = {net.env_mat.name for net in nets}
    for node in graph.nodes:
        if node.op in ENV_MAT and node.name not in found:
            match = STATISTICS.match(tf_name(node.inputs[4].name))
            kept.setdefault(
                _place(match["suffix"] if match else ""),
                "no embedding net found (no weights named filter_type_*/matrix_1*)",
            )
    return nets, [
        KeptPart(".".join(["descriptor", *map(str, place)]), kept[place]) for place in sorted(kept)
    ]


def _place(suffix: str) -> tuple[int, ...]:
    """A descriptor's place in the list of a hybrid, from 0, and in the lists inside."""
    return tuple(int(n) for n in re.findall(r"\d+", suffix))


def _trace(graph: gs.Graph, first: gs.Node, match: re.Match) -> EmbeddingNet:
    x = first.inputs[0]
    rows = shape_of(x)[0]
    inside, nodes, readers = {x.name}, [], []
    for node in graph.nodes:
        own = [t.name in inside for t in node.inputs]
        if not any(own):
            continue
        constant = [isinstance(t, gs.Constant) for t in node.inputs]
        alone = all(o or c for o, c in zip(own, constant, strict=True))
        if alone and not node.op.startswith("Reduce"):
            inside.update(t.name for t in node.outputs)
            nodes.append(node)
        else:
            readers.append((node, node.inputs[own.index(True)]))
    name = tf_name(first.inputs[1].name)
    gate = find_gate(readers)
    if gate is None and len(readers) != 1:
        found = ", ".join(n.name for n, _ in readers) or "nobody"
        raise ConversionError(f"the net of {name} should have one reader; found {found}")
    y = readers[0][1]
    reader = readers[0][0] if gate is None else _reader(gate.result)
    while y.inputs[0].op == "Reshape":
        last = y.inputs[0]
        nodes = [n for n in nodes if n is not last]
        y = last.inputs[0]
    if len(shape_of(y)) != 2 or shape_of(y)[0] != rows or shape_of(x)[1] != 1:
        raise ConversionError(f"the net of {name} maps {shape_of(x)} to {shape_of(y)}")
    center = match["center"]
    return EmbeddingNet(
        match["scope"],
        None if center == "all" else int(center),
        tuple(int(n) for n in (match["neighbors"] or "").split("_") if n),
        _env_mat_of(x),
        x,
        y,
        nodes,
        reader,
        gate,
    )


def _reader(tensor: gs.Variable) -> gs.Node:
    """The one node that reads a tensor, or a reshape of it."""
    while True:
        if len(tensor.outputs) != 1:
            raise ConversionError(f"{tensor.name} should have one reader")
        node = tensor.outputs[0]
        if node.op != "Reshape":
            return node
        tensor = node.outputs[0]


def _env_mat_of(tensor: gs.Tensor) -> gs.Node:
    """The environment matrix a net's input comes from."""
    found, queue, seen = [], [tensor], set()
    while queue:
        for node in queue.pop().inputs:
            if node.op in ENV_MAT:
                found.append(node)
            elif node.name not in seen:
                seen.add(node.name)
                queue.extend(t for t in node.inputs if isinstance(t, gs.Variable))
    if len({n.name for n in found}) != 1:
        raise ConversionError(f"{tensor.name} should come from one environment matrix")
    return found[0]

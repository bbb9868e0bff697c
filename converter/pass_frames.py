# SPDX-License-Identifier: LGPL-3.0-or-later
"""An ONNX file holds one frame: what splits or joins atoms behind an axis of frames needs none.

Reshape (n, ...) -> (1, n, ...), Split along axis 1, Reshape to (n_t, ...) of each part is a Split
along axis 0; a Concat between such Reshapes likewise.
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from .graph import replace_everywhere
from .shape_rules import shape_of
from .symbols import Shape, one_frame


def run(graph: gs.Graph) -> int:
    """Returns the number of Splits and Concats changed; their Reshapes go."""
    nodes = [n for n in graph.nodes if n.op in ("Split", "Concat") and n.attrs["axis"] == 1]
    count = sum(_without_frames(graph, node) for node in nodes)
    graph.cleanup().toposort()
    return count


def _without_frames(graph: gs.Graph, node: gs.Node) -> bool:
    sources = [_unframed_source(t) for t in node.inputs]
    framed = [t for t in node.outputs if t in graph.outputs]
    readers = [reader for t in node.outputs for reader in t.outputs]
    if framed or any(t is None for t in sources) or not all(_drops_frames(r) for r in readers):
        return False
    node.inputs, node.attrs["axis"] = sources, 0
    for t in node.outputs:
        t.shape = shape_of(t)[1:]
        for reader in list(t.outputs):
            replace_everywhere(graph, reader.outputs[0], t)
            reader.outputs.clear()
    return True


def _unframed_source(t: gs.Tensor) -> gs.Tensor | None:
    """What a Reshape put the axis of frames before."""
    if t.inputs and t.inputs[0].op == "Reshape" and _adds_axis(t.inputs[0]):
        return t.inputs[0].inputs[0]
    return None


def _adds_axis(node: gs.Node) -> bool:
    return _sizes(node.outputs[0]) == (1, *_sizes(node.inputs[0]))


def _drops_frames(node: gs.Node) -> bool:
    return node.op == "Reshape" and _sizes(node.inputs[0]) == (1, *_sizes(node.outputs[0]))


def _sizes(t: gs.Tensor) -> Shape:
    return one_frame(shape_of(t))

# SPDX-License-Identifier: LGPL-3.0-or-later
"""The converter's graph: an onnx_graphsurgeon Graph whose shapes may be symbolic.

Every tensor's `shape` is a tuple of int and Dim. Nodes are ONNX nodes, except four that
carry their sizes as attributes, because both emitters write sizes in their own way:

    Reshape(x)                       the target is the output's shape
    Slice(x)  axis, begin, end       one axis, Size bounds
    Split(x)  axis, sizes            one output a size
    Pad(x)    axis, before, after    zeros on one axis, Size
"""

from __future__ import annotations

import re

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from .shape_rules import infer, infer_dtypes, shape_of
from .symbols import Shape, Size

DOMAIN = "dponnx"
OUR_OPS = {
    "ProdEnvMatA",
    "ProdEnvMatAMix",
    "ProdForceSeA",
    "ProdVirialSeA",
    "TabulateFusionSeA",
    "TabulateFusionSeAGrad",
    "ProdEnvMatR",
    "ProdForceSeR",
    "ProdVirialSeR",
    "TabulateFusionSeR",
    "TabulateFusionSeRGrad",
    "TabulateFusionSeT",
    "TabulateFusionSeTGrad",
    "Erf",  # this and the next in float64; Builder is not asked for them in float32
    "Softplus",
    "Erfc",
    "TabulateFusionSeAtten",
    "TabulateFusionSeAttenGrad",
    "DescriptorSeA",
    "DescriptorSeAGrad",
    "DescriptorSeR",
    "DescriptorSeRGrad",
    "DescriptorSeT",
    "DescriptorSeTGrad",
    "ContractSeA",
    "ContractSeAGrad",
    "FittingLayer",
    "FittingLayerGrad",
}


class Builder:
    """Appends nodes to a graph; each call returns the new tensor, its shape inferred."""

    def __init__(self, graph: gs.Graph, scope: str):
        self.graph, self.scope = graph, scope
        self.count = len(graph.nodes)

    def name(self, op: str) -> str:
        self.count += 1
        return f"{self.scope}/{op}_{self.count}"

    def nodes(self, op: str, *inputs, **attrs) -> list[gs.Variable]:
        """One node, all its outputs."""
        name = self.name(op)
        domain = DOMAIN if op in OUR_OPS else None
        node = gs.Node(op, name, attrs, [self.tensor(x) for x in inputs], [], domain)
        shapes = infer(node)
        node.outputs = [gs.Variable(f"{name}:{i}", shape=s) for i, s in enumerate(shapes)]
        for output, dtype in zip(node.outputs, infer_dtypes(node), strict=True):
            output.dtype = dtype
        self.graph.nodes.append(node)
        return list(node.outputs)

    def __call__(self, op: str, *inputs, **attrs) -> gs.Variable:
        """One node with one output."""
        return self.nodes(op, *inputs, **attrs)[0]

    def tensor(self, x) -> gs.Tensor:
        if isinstance(x, gs.Tensor):
            return x
        return gs.Constant(self.name("const"), np.asarray(x))

    def reshape(self, x: gs.Tensor, shape: Shape) -> gs.Tensor:
        if tuple(shape_of(x)) == tuple(shape):
            return x
        name = self.name("Reshape")
        y = gs.Variable(f"{name}:0", dtype=x.dtype, shape=tuple(shape))
        self.graph.nodes.append(gs.Node("Reshape", name, {}, [x], [y]))
        return y

    def expand(self, x: gs.Tensor, shape: Shape) -> gs.Tensor:
        """x repeated along axes of size 1 to the given shape."""
        if tuple(shape_of(x)) == tuple(shape):
            return x
        name = self.name("Expand")
        y = gs.Variable(f"{name}:0", dtype=x.dtype, shape=tuple(shape))
        self.graph.nodes.append(gs.Node("Expand", name, {}, [x], [y]))
        return y

    def cast(self, x: gs.Tensor, dtype) -> gs.Tensor:
        dtype = np.dtype(dtype)
        return x if x.dtype == dtype else self("Cast", x, to=onnx_type(dtype))

    def slice(self, x: gs.Tensor, axis: int, begin: Size, end: Size) -> gs.Variable:
        return self("Slice", x, axis=axis, begin=begin, end=end)


def onnx_type(dtype) -> int:
    return onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def replace_everywhere(graph: gs.Graph, old: gs.Tensor, new: gs.Tensor) -> None:
    """Every reader of old, and the graph's outputs, read new instead."""
    for node in list(old.outputs):
        node.inputs = [new if t is old else t for t in node.inputs]
    graph.outputs = [new if t is old else t for t in graph.outputs]


def tf_name(name: str) -> str:
    """The TensorFlow node's name, from a tensor name that tf2onnx made of it."""
    return re.sub(r"(/read)?(:\d+)?(__\d+)?$", "", name)

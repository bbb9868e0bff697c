# SPDX-License-Identifier: LGPL-3.0-or-later
"""Output shapes of the operators our graphs contain, over symbolic sizes.

One rule an operator; `infer(node)` returns the shapes of the node's outputs. Reshape and
Slice already have the form of our graph (graph.py), not ONNX's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError, UnsupportedModelError
from .symbols import Shape, Size, nall, nframes

Rule = Callable[[gs.Node], list[Shape]]
RULES: dict[str, Rule] = {}

UNARY = (
    "Identity Cast Tanh Sigmoid Relu Softplus Elu Selu Exp Log Sqrt Neg Abs Erf Erfc Not "
    "Reciprocal Sign Floor Ceil Clip LeakyRelu Mish Softsign Sin Cos IsNaN Softmax"
).split()
BROADCAST = (
    "Add Sub Mul Div Pow Max Min Sum Where Equal Less LessOrEqual Greater GreaterOrEqual And Or"
).split()

ENV_MAT = ("ProdEnvMatA", "ProdEnvMatAMix", "ProdEnvMatR")
DESCRIPTORS = ("DescriptorSeA", "DescriptorSeR", "DescriptorSeT")
TO_BOOL = "Equal Less LessOrEqual Greater GreaterOrEqual And Or Not IsNaN".split()


def rule(*ops: str) -> Callable[[Rule], Rule]:
    def register(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(ops, f))
        return f

    return register


def shape_of(tensor: gs.Tensor) -> Shape:
    if tensor.shape is None:
        raise ConversionError(f"{tensor.name}: its shape is not known yet")
    return tuple(tensor.shape)


def infer(node: gs.Node) -> list[Shape]:
    if node.op not in RULES:
        raise UnsupportedModelError(
            f"{node.name}: operator {node.op} is not supported in a frozen model; please report it"
        )
    return RULES[node.op](node)


def infer_dtypes(node: gs.Node) -> list[np.dtype]:
    """Element types of the node's outputs."""
    first = np.dtype(node.inputs[0].dtype)
    if node.op == "Cast":
        return [np.dtype(onnx.helper.tensor_dtype_to_np_dtype(node.attrs["to"]))]
    if node.op in TO_BOOL:
        return [np.dtype(bool)]
    if node.op == "Where":
        return [np.dtype(node.inputs[1].dtype)]
    if node.op in DESCRIPTORS:
        return [np.dtype(node.inputs[6].dtype)]  # as the tables
    if node.op in ENV_MAT:
        more = [np.dtype(np.int32), np.dtype(bool)] if node.op == "ProdEnvMatAMix" else []
        return [first, first, first, np.dtype(np.int32), *more]
    return [first] * len(node.outputs)


def broadcast(shapes: list[Shape], where: str) -> Shape:
    rank = max(len(s) for s in shapes)
    padded = [(1,) * (rank - len(s)) + tuple(s) for s in shapes]
    result: list[Size] = []
    for sizes in zip(*padded, strict=True):
        wide = [s for s in sizes if s != 1]
        if any(s != wide[0] for s in wide[1:]):
            raise ConversionError(f"{where}: shapes {shapes} cannot be broadcast together")
        result.append(wide[0] if wide else 1)
    return tuple(result)


def axis_of(node: gs.Node, rank: int, default: int = 0) -> int:
    return node.attrs.get("axis", default) % rank


def constant_ints(tensor: gs.Tensor) -> list[int]:
    if not isinstance(tensor, gs.Constant):
        raise ConversionError(f"{tensor.name} should be a constant by now")
    return [int(i) for i in np.ravel(tensor.values)]


def reduced_axes(node: gs.Node, rank: int) -> list[int]:
    """Axes of a Reduce* node, from its attribute or its second input; all if neither is there."""
    axes = node.attrs.get("axes")
    if axes is None and len(node.inputs) > 1:
        axes = constant_ints(node.inputs[1])
    return sorted(a % rank for a in (range(rank) if axes is None else axes))


@rule(*UNARY)
def _same(node: gs.Node) -> list[Shape]:
    return [shape_of(node.inputs[0])]


@rule(*BROADCAST)
def _broadcast(node: gs.Node) -> list[Shape]:
    return [broadcast([shape_of(t) for t in node.inputs], node.name)]


@rule("Reshape", "Expand")
def _given(node: gs.Node) -> list[Shape]:
    return [shape_of(node.outputs[0])]


@rule("MatMul")
def _matmul(node: gs.Node) -> list[Shape]:
    a, b = (shape_of(t) for t in node.inputs)
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise ConversionError(f"{node.name}: MatMul of {a} and {b}")
    return [(*broadcast([a[:-2], b[:-2]], node.name), a[-2], b[-1])]


@rule("Transpose")
def _transpose(node: gs.Node) -> list[Shape]:
    shape = shape_of(node.inputs[0])
    perm = node.attrs.get("perm", list(reversed(range(len(shape)))))
    return [tuple(shape[p] for p in perm)]


@rule("Concat")
def _concat(node: gs.Node) -> list[Shape]:
    shapes = [list(shape_of(t)) for t in node.inputs]
    axis = axis_of(node, len(shapes[0]))
    total: Size = 0
    for s in shapes:
        total = total + s[axis]
    return [(*shapes[0][:axis], total, *shapes[0][axis + 1 :])]


@rule("Slice")
def _slice(node: gs.Node) -> list[Shape]:
    shape = list(shape_of(node.inputs[0]))
    shape[node.attrs["axis"]] = node.attrs["end"] - node.attrs["begin"]
    return [tuple(shape)]


@rule("Split")
def _split(node: gs.Node) -> list[Shape]:
    shape, axis = list(shape_of(node.inputs[0])), node.attrs["axis"]
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in node.attrs["sizes"]]


@rule("Pad")
def _pad(node: gs.Node) -> list[Shape]:
    shape, axis = list(shape_of(node.inputs[0])), node.attrs["axis"]
    shape[axis] = shape[axis] + (node.attrs["before"] + node.attrs["after"])
    return [tuple(shape)]


@rule("Gather")
def _gather(node: gs.Node) -> list[Shape]:
    shape = shape_of(node.inputs[0])
    axis = axis_of(node, len(shape))
    return [(*shape[:axis], *shape_of(node.inputs[1]), *shape[axis + 1 :])]


@rule("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
def _reduce(node: gs.Node) -> list[Shape]:
    shape = shape_of(node.inputs[0])
    axes = reduced_axes(node, len(shape))
    if node.attrs.get("keepdims", 1):
        return [tuple(1 if i in axes else s for i, s in enumerate(shape))]
    return [tuple(s for i, s in enumerate(shape) if i not in axes)]


@rule("Tile")
def _tile(node: gs.Node) -> list[Shape]:
    repeats = constant_ints(node.inputs[1])
    return [tuple(s * r for s, r in zip(shape_of(node.inputs[0]), repeats, strict=True))]


@rule("Einsum")
def _einsum(node: gs.Node) -> list[Shape]:
    terms, out = node.attrs["equation"].replace(" ", "").split("->")
    sizes: dict[str, Size] = {}
    for term, t in zip(terms.split(","), node.inputs, strict=True):
        sizes.update(zip(term, shape_of(t), strict=True))
    return [tuple(sizes[c] for c in out)]


@rule("ProdEnvMatA")
def _env_mat_a(node: gs.Node) -> list[Shape]:
    n, nnei = shape_of(node.inputs[3])[0], sum(node.attrs["sel_a"])
    return [(n, 4 * nnei), (n, 12 * nnei), (n, 3 * nnei), (n, nnei)]


@rule("ProdEnvMatAMix")
def _env_mat_a_mix(node: gs.Node) -> list[Shape]:
    shapes = _env_mat_a(node)
    return [*shapes, shapes[3], shapes[3]]


@rule("ProdEnvMatR")
def _env_mat_r(node: gs.Node) -> list[Shape]:
    n, nnei = shape_of(node.inputs[3])[0], sum(node.attrs["sel"])
    return [(n, nnei), (n, 3 * nnei), (n, 3 * nnei), (n, nnei)]


@rule("ProdForceSeA", "ProdForceSeR")
def _force(node: gs.Node) -> list[Shape]:
    return [(nframes * nall, 3)]


@rule("ProdVirialSeA", "ProdVirialSeR")
def _virial(node: gs.Node) -> list[Shape]:
    return [(9 * nframes,), (nframes * nall, 9)]


@rule("TabulateFusionSeA", "TabulateFusionSeAtten")
def _tabulate_a(node: gs.Node) -> list[Shape]:
    return [(shape_of(node.inputs[3])[0], 4, node.attrs["last_layer_size"])]


@rule("TabulateFusionSeR")
def _tabulate_r(node: gs.Node) -> list[Shape]:
    return [(*shape_of(node.inputs[2]), node.attrs["last_layer_size"])]


@rule("TabulateFusionSeT")
def _tabulate_t(node: gs.Node) -> list[Shape]:
    return [(shape_of(node.inputs[3])[0], node.attrs["last_layer_size"])]


@rule("TabulateFusionSeAGrad", "TabulateFusionSeTGrad")
def _tabulate_grad(node: gs.Node) -> list[Shape]:
    return [shape_of(node.inputs[2]), shape_of(node.inputs[3])]


@rule("TabulateFusionSeAttenGrad")
def _tabulate_atten_grad(node: gs.Node) -> list[Shape]:
    """Inputs: those of TabulateFusionSeAtten but for two_scale, dy, descriptor, (two_scale)."""
    return [shape_of(t) for t in [*node.inputs[2:4], *node.inputs[8:]]]


@rule("TabulateFusionSeRGrad")
def _tabulate_r_grad(node: gs.Node) -> list[Shape]:
    return [shape_of(node.inputs[2])]


@rule("DescriptorSeA")
def _descriptor_a(node: gs.Node) -> list[Shape]:
    return [(shape_of(node.inputs[3])[0], 4, node.attrs["last_layer_size"])]


@rule("DescriptorSeR", "DescriptorSeT")
def _descriptor(node: gs.Node) -> list[Shape]:
    return [(shape_of(node.inputs[3])[0], node.attrs["last_layer_size"])]


@rule("DescriptorSeAGrad", "DescriptorSeRGrad", "DescriptorSeTGrad")
def _descriptor_grad(node: gs.Node) -> list[Shape]:
    return [(nframes * nall, 3), (9 * nframes,), (nframes * nall, 9)]


@rule("ContractSeA")
def _contract(node: gs.Node) -> list[Shape]:
    n, _, width = shape_of(node.inputs[0])
    axis = node.attrs["axis"]
    return [(n, axis * width - axis * (axis - 1) // 2)]


@rule("ContractSeAGrad")
def _as_first(node: gs.Node) -> list[Shape]:
    return [shape_of(node.inputs[0])]


@rule("FittingLayer")
def _layer(node: gs.Node) -> list[Shape]:
    return [(shape_of(node.inputs[0])[0], shape_of(node.inputs[1])[1])] * 2


@rule("FittingLayerGrad")
def _layer_grad(node: gs.Node) -> list[Shape]:
    return [(shape_of(node.inputs[0])[0], shape_of(node.inputs[2])[0])]

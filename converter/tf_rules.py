# SPDX-License-Identifier: LGPL-3.0-or-later
"""One rule an operator: how a node of our graph is written in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .pass_inputs import THEIRS
from .shape_rules import ENV_MAT, reduced_axes, shape_of
from .symbols import nall, nframes, nloc

RULES: dict[str, Callable] = {}
INPUTS = {ours: theirs for theirs, ours in THEIRS.items()}

UNARY = {
    "Tanh": "Tanh",
    "Sigmoid": "Sigmoid",
    "Relu": "Relu",
    "Softplus": "Softplus",
    "Exp": "Exp",
    "Neg": "Neg",
    "Sqrt": "Sqrt",
    "Erf": "Erf",
    "Erfc": "Erfc",
    "Abs": "Abs",
    "Log": "Log",
    "Sign": "Sign",
    "Reciprocal": "Reciprocal",
    "Identity": "Identity",
}
BINARY = {
    "Add": "AddV2",
    "Sub": "Sub",
    "Mul": "Mul",
    "Div": "RealDiv",
    "Pow": "Pow",
    "Equal": "Equal",
    "Less": "Less",
    "LessOrEqual": "LessEqual",
    "Greater": "Greater",
    "GreaterOrEqual": "GreaterEqual",
}
CHAINED = {"Sum": "AddV2", "Max": "Maximum", "Min": "Minimum"}
PER_FRAME = ("ProdForceSeA", "ProdForceSeR", "ProdVirialSeA", "ProdVirialSeR")
LOGICAL = {"And": "LogicalAnd", "Or": "LogicalOr", "Not": "LogicalNot"}


def rule(*ops: str):
    def register(f: Callable) -> Callable:
        RULES.update(dict.fromkeys(ops, f))
        return f

    return register


def dtype_of(node: gs.Node) -> np.dtype:
    return np.dtype(node.inputs[0].dtype)


def ints(out, values) -> str:
    return out.writer.const(np.array(values, dtype=np.int32), "const")


@rule(*UNARY)
def _unary(out, node):
    name = out.writer.op(UNARY[node.op], out.inputs(node), name=node.name, T=dtype_of(node))
    out.put(node.outputs[0], name)


@rule(*BINARY)
def _binary(out, node):
    name = out.writer.op(BINARY[node.op], out.inputs(node), name=node.name, T=dtype_of(node))
    out.put(node.outputs[0], name)


@rule(*CHAINED)
def _chained(out, node):
    first, *rest = out.inputs(node)
    for x in rest:
        first = out.writer.op(CHAINED[node.op], [first, x], name=node.name, T=dtype_of(node))
    out.put(node.outputs[0], first)


@rule(*LOGICAL)
def _logical(out, node):
    out.put(node.outputs[0], out.writer.op(LOGICAL[node.op], out.inputs(node), name=node.name))


@rule("Cast")
def _cast(out, node):
    source = dtype_of(node)
    if node.inputs[0].name in INPUTS:  # DeePMD-kit's placeholders may be float32
        source = out.dtype_of(INPUTS[node.inputs[0].name])
    name = out.writer.op(
        "Cast",
        out.inputs(node),
        name=node.name,
        SrcT=source,
        DstT=np.dtype(node.outputs[0].dtype),
        Truncate=False,
    )
    out.put(node.outputs[0], name)


@rule("Where")
def _where(out, node):
    name = out.writer.op(
        "SelectV2", out.inputs(node), name=node.name, T=np.dtype(node.inputs[1].dtype)
    )
    out.put(node.outputs[0], name)


@rule("Reshape")
def _reshape(out, node):
    y = node.outputs[0]
    out.put(y, out.reshape(out.name(node.inputs[0]), shape_of(y), y.dtype, name=node.name))


@rule("Expand")
def _expand(out, node):
    y = node.outputs[0]
    parts = [out.size(s) for s in shape_of(y)]
    shape = out.writer.op("Pack", parts, N=len(parts), T=np.int32, axis=0)
    name = out.writer.op(
        "BroadcastTo",
        [out.name(node.inputs[0]), shape],
        name=node.name,
        T=np.dtype(y.dtype),
        Tidx=np.int32,
    )
    out.put(y, name)


@rule("MatMul")
def _matmul(out, node):
    """Transposes of the last two axes are folded into the product."""
    names, flags = [], []
    for t in node.inputs:
        flip = _last_two_exchanged(t)
        names.append(out.name(t.inputs[0].inputs[0] if flip else t))
        flags.append(flip)
    flat = all(len(shape_of(t)) == 2 for t in node.inputs)
    keys = ("transpose_a", "transpose_b") if flat else ("adj_x", "adj_y")
    name = out.writer.op(
        "MatMul" if flat else "BatchMatMulV2",
        names,
        name=node.name,
        T=dtype_of(node),
        **dict(zip(keys, flags, strict=True)),
    )
    out.put(node.outputs[0], name)


def _last_two_exchanged(t: gs.Tensor) -> bool:
    if not t.inputs or t.inputs[0].op != "Transpose":
        return False
    n = len(shape_of(t))
    return list(t.inputs[0].attrs.get("perm", [])) == [*range(n - 2), n - 1, n - 2]


@rule("Transpose")
def _transpose(out, node):
    y = node.outputs[0]
    if y.outputs and _last_two_exchanged(y) and all(n.op == "MatMul" for n in y.outputs):
        return  # every reader has folded it
    n = len(shape_of(y))
    perm = ints(out, node.attrs.get("perm", list(reversed(range(n)))))
    name = out.writer.op(
        "Transpose",
        [out.name(node.inputs[0]), perm],
        name=node.name,
        T=dtype_of(node),
        Tperm=np.int32,
    )
    out.put(y, name)


@rule("Concat")
def _concat(out, node):
    axis = ints(out, node.attrs["axis"])
    name = out.writer.op(
        "ConcatV2",
        [*out.inputs(node), axis],
        name=node.name,
        N=len(node.inputs),
        T=dtype_of(node),
        Tidx=np.int32,
    )
    out.put(node.outputs[0], name)


@rule("Slice")
def _slice(out, node):
    x = node.inputs[0]
    n, axis = len(shape_of(x)), node.attrs["axis"]
    begin, size = [0] * n, [-1] * n
    begin[axis] = node.attrs["begin"]
    size[axis] = node.attrs["end"] - node.attrs["begin"]
    name = out.writer.op(
        "Slice",
        [out.name(x), out.sizes(tuple(begin)), out.sizes(tuple(size))],
        name=node.name,
        T=dtype_of(node),
        Index=np.int32,
    )
    out.put(node.outputs[0], name)


@rule("Split")
def _split(out, node):
    sizes = node.attrs["sizes"]
    name = out.writer.op(
        "SplitV",
        [out.name(node.inputs[0]), out.sizes(tuple(sizes)), ints(out, node.attrs["axis"])],
        name=node.name,
        num_split=len(sizes),
        T=dtype_of(node),
        Tlen=np.int32,
    )
    for i, y in enumerate(node.outputs):
        out.put(y, f"{name}:{i}")


@rule("Pad")
def _pad(out, node):
    x = node.inputs[0]
    rows = [[0, 0] for _ in shape_of(x)]
    rows[node.attrs["axis"]] = [node.attrs["before"], node.attrs["after"]]
    flat = out.sizes(tuple(s for row in rows for s in row))
    pads = out.writer.op("Reshape", [flat, ints(out, [len(rows), 2])], T=np.int32, Tshape=np.int32)
    name = out.writer.op(
        "Pad", [out.name(x), pads], name=node.name, T=dtype_of(node), Tpaddings=np.int32
    )
    out.put(node.outputs[0], name)


@rule("Gather")
def _gather(out, node):
    params, indices = node.inputs
    axis = ints(out, node.attrs.get("axis", 0))
    name = out.writer.op(
        "GatherV2",
        [*out.inputs(node), axis],
        name=node.name,
        batch_dims=0,
        Tparams=np.dtype(params.dtype),
        Tindices=np.dtype(indices.dtype),
        Taxis=np.int32,
    )
    out.put(node.outputs[0], name)


@rule("ReduceSum", "ReduceMean")
def _reduce(out, node):
    x = node.inputs[0]
    axes = ints(out, reduced_axes(node, len(shape_of(x))))
    name = out.writer.op(
        "Sum" if node.op == "ReduceSum" else "Mean",
        [out.name(x), axes],
        name=node.name,
        T=dtype_of(node),
        Tidx=np.int32,
        keep_dims=bool(node.attrs.get("keepdims", 1)),
    )
    out.put(node.outputs[0], name)


@rule("Einsum")
def _einsum(out, node):
    name = out.writer.op(
        "Einsum",
        out.inputs(node),
        name=node.name,
        N=len(node.inputs),
        T=dtype_of(node),
        equation=node.attrs["equation"].replace(" ", ""),
    )
    out.put(node.outputs[0], name)


@rule(*ENV_MAT)
def _env_mat(out, node):
    """The one operator that meets DeePMD-kit's own inputs; frames first, atoms flattened. Its
    outputs come in that form, too: raw for ProdForce and ProdVirial, reshaped for all others."""
    coord, davg, dstd = node.inputs[0], *node.inputs[4:6]
    dtype = dtype_of(node)
    inputs = [
        out.reshape(out.name(coord), (nframes, 3 * nall), dtype),
        out.reshape("t_type", (nframes, nall), np.int32),
        "t_natoms",
        out.reshape("t_box", (nframes, 9), dtype),
        "t_mesh",
        out.name(davg),
        out.name(dstd),
    ]
    attrs = {k: float(v) if k.startswith("rcut") else v for k, v in node.attrs.items()}
    name = out.writer.op(node.op, inputs, name=node.name, T=dtype, **attrs)
    descrpt, *raw = node.outputs
    out.put(descrpt, out.reshape(name, shape_of(descrpt), dtype))
    for i, y in enumerate(raw, start=1):
        out.raw[y.name] = f"{name}:{i}"
        if any(reader.op not in PER_FRAME for reader in y.outputs):
            out.put(y, out.reshape(f"{name}:{i}", shape_of(y), y.dtype))


def _per_frame(out, node):
    """(nframes, nloc * columns) of the gradient, then the raw outputs of ProdEnvMat."""
    grad = node.inputs[0]
    columns = shape_of(grad)[1]
    flat = out.reshape(out.name(grad), (nframes, columns * nloc(out.ntypes)), dtype_of(node))
    return [flat, *(out.raw.get(t.name) or out.name(t) for t in node.inputs[1:])]


@rule("ProdForceSeA", "ProdForceSeR")
def _force(out, node):
    y = node.outputs[0]
    name = out.writer.op(
        node.op, _per_frame(out, node), name=node.name, T=dtype_of(node), **node.attrs
    )
    out.put(y, out.reshape(name, shape_of(y), dtype_of(node)))


@rule("ProdVirialSeA", "ProdVirialSeR")
def _virial(out, node):
    name = out.writer.op(
        node.op, _per_frame(out, node)[:5], name=node.name, T=dtype_of(node), **node.attrs
    )
    for i, y in enumerate(node.outputs):
        out.put(y, out.reshape(f"{name}:{i}", shape_of(y), dtype_of(node)))


@rule("TabulateFusionSeA", "TabulateFusionSeR", "TabulateFusionSeT")
def _tabulate(out, node):
    name = out.writer.op(
        node.op,
        out.inputs(node),
        name=node.name,
        T=dtype_of(node),
        last_layer_size=node.attrs["last_layer_size"],
    )
    out.put(node.outputs[0], name)


@rule("TabulateFusionSeAGrad", "TabulateFusionSeRGrad", "TabulateFusionSeTGrad")
def _tabulate_grad(out, node):
    name = out.writer.op(node.op, out.inputs(node), name=node.name, T=dtype_of(node))
    for i, y in enumerate(node.outputs):
        out.put(y, f"{name}:{i}" if i else name)


@rule("Softmax")
def _softmax(out, node):
    rank = len(shape_of(node.inputs[0]))
    if node.attrs.get("axis", -1) % rank != rank - 1:
        raise ConversionError(f"{node.name}: softmax along another axis than the last")
    name = out.writer.op("Softmax", out.inputs(node), name=node.name, T=dtype_of(node))
    out.put(node.outputs[0], name)


@rule("Clip")
def _clip(out, node):
    x, low, high = out.inputs(node)
    name = out.writer.op("ClipByValue", [x, low, high], name=node.name, T=dtype_of(node))
    out.put(node.outputs[0], name)

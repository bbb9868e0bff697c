# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reverse-mode rules: from the gradients of a node's outputs to those of its inputs.

rule(build, node, dy, needed) -> one gradient an input, of the input's shape. `dy` holds one
gradient an output (None: zero); inputs that are not needed may get None.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx_graphsurgeon as gs

from .graph import Builder
from .shape_rules import reduced_axes, shape_of
from .symbols import Shape, divide, product


class Uniform:
    """A gradient that is the same number everywhere, not yet written out to its shape."""

    def __init__(self, scalar: gs.Tensor, shape: Shape):
        self.scalar, self.shape = scalar, tuple(shape)

    def full(self, build: Builder) -> gs.Tensor:
        return build.expand(self.scalar, self.shape)


RULES: dict[str, Callable] = {}


def rule(*ops: str, uniform: bool = False):
    """Registers a rule; unless it can handle Uniform gradients, they are written out first."""

    def register(f: Callable) -> Callable:
        def written_out(build, node, dy, needed):
            return f(
                build, node, [d.full(build) if isinstance(d, Uniform) else d for d in dy], needed
            )

        RULES.update(dict.fromkeys(ops, f if uniform else written_out))
        return f

    return register


def sum_to(build: Builder, d: gs.Tensor, shape: Shape) -> gs.Tensor:
    """Undoes broadcasting: sums d over the axes along which `shape` was repeated."""
    full = tuple(shape_of(d))
    lead = len(full) - len(shape)
    padded = (1,) * lead + tuple(shape)
    axes = [i for i, (s, f) in enumerate(zip(padded, full, strict=True)) if s == 1 and f != 1]
    axes = sorted({*axes, *range(lead)})
    if axes:
        d = build("ReduceSum", d, np.array(axes, dtype=np.int64), keepdims=1)
    return build.reshape(d, tuple(shape))


def like(build: Builder, value: float, t: gs.Tensor) -> gs.Tensor:
    return build.tensor(np.asarray(value, dtype=t.dtype))


@rule("Identity", uniform=True)
def _identity(build, node, dy, needed):
    return dy


@rule("Reshape", uniform=True)
def _reshape(build, node, dy, needed):
    shape = shape_of(node.inputs[0])
    if isinstance(dy[0], Uniform):
        return [Uniform(dy[0].scalar, shape)]
    return [build.reshape(dy[0], shape)]


@rule("Cast", uniform=True)
def _cast(build, node, dy, needed):
    dtype, d = node.inputs[0].dtype, dy[0]
    if isinstance(d, Uniform):
        return [Uniform(build.tensor(d.scalar.values.astype(dtype)), d.shape)]
    return [build.cast(d, dtype)]


@rule("Add", "Sum", uniform=True)
def _add(build, node, dy, needed):
    d, result = dy[0], []
    for t, wanted in zip(node.inputs, needed, strict=True):
        if not wanted:
            result.append(None)
        elif isinstance(d, Uniform) and shape_of(t) == d.shape:
            result.append(d)
        else:
            full = d.full(build) if isinstance(d, Uniform) else d
            result.append(sum_to(build, full, shape_of(t)))
    return result


@rule("Sub")
def _sub(build, node, dy, needed):
    a, b = node.inputs
    da = sum_to(build, dy[0], shape_of(a)) if needed[0] else None
    db = build("Neg", sum_to(build, dy[0], shape_of(b))) if needed[1] else None
    return [da, db]


@rule("Mul", uniform=True)
def _mul(build, node, dy, needed):
    a, b = node.inputs
    return [
        sum_to(build, _scaled(build, dy[0], other, shape_of(node.outputs[0])), shape_of(t))
        if wanted
        else None
        for t, other, wanted in ((a, b, needed[0]), (b, a, needed[1]))
    ]


def _scaled(build: Builder, d, factor: gs.Tensor, shape: Shape) -> gs.Tensor:
    """d * factor of the given shape; a Uniform of one is the factor itself."""
    if not isinstance(d, Uniform):
        return build("Mul", d, factor)
    if d.scalar.values == 1 and shape_of(factor) == shape:
        return factor
    return build("Mul", d.full(build), factor)


@rule("Div")
def _div(build, node, dy, needed):
    a, b = node.inputs
    da = build("Div", dy[0], b)
    db = None
    if needed[1]:
        db = build("Neg", build("Mul", da, node.outputs[0]))
        db = sum_to(build, db, shape_of(b))
    return [sum_to(build, da, shape_of(a)) if needed[0] else None, db]


@rule("Neg")
def _neg(build, node, dy, needed):
    return [build("Neg", dy[0])]


@rule("Tanh")
def _tanh(build, node, dy, needed):
    y = node.outputs[0]
    slope = build("Sub", like(build, 1, y), build("Mul", y, y))
    return [build("Mul", dy[0], slope)]


@rule("Sigmoid")
def _sigmoid(build, node, dy, needed):
    y = node.outputs[0]
    return [build("Mul", dy[0], build("Mul", y, build("Sub", like(build, 1, y), y)))]


@rule("Softplus")
def _softplus(build, node, dy, needed):
    return [build("Mul", dy[0], build("Sigmoid", node.inputs[0]))]


@rule("Relu")
def _relu(build, node, dy, needed):
    x = node.inputs[0]
    return [build("Mul", dy[0], build.cast(build("Greater", x, like(build, 0, x)), x.dtype))]


@rule("Erf", "Erfc")
def _erf(build, node, dy, needed):
    x, sign = node.inputs[0], 1 if node.op == "Erf" else -1
    gauss = build("Exp", build("Neg", build("Mul", x, x)))
    slope = build("Mul", gauss, like(build, sign * 2 / math.sqrt(math.pi), x))
    return [build("Mul", dy[0], slope)]


@rule("Exp")
def _exp(build, node, dy, needed):
    return [build("Mul", dy[0], node.outputs[0])]


@rule("Pow")
def _pow(build, node, dy, needed):
    x, p = node.inputs
    k = float(np.ravel(p.values)[0])
    power = build("Pow", x, like(build, k - 1, x))
    return [build("Mul", dy[0], build("Mul", power, like(build, k, x)))]


@rule("Where")
def _where(build, node, dy, needed):
    condition, a, b = node.inputs
    zero = like(build, 0, a)
    da = build("Where", condition, dy[0], zero) if needed[1] else None
    db = build("Where", condition, zero, dy[0]) if needed[2] else None
    return [
        None,
        None if da is None else sum_to(build, da, shape_of(a)),
        None if db is None else sum_to(build, db, shape_of(b)),
    ]


def swap_last(build: Builder, x: gs.Tensor) -> gs.Tensor:
    """x with its last two axes exchanged; undoes a Transpose that did just that."""
    n = len(shape_of(x))
    perm = [*range(n - 2), n - 1, n - 2]
    if isinstance(x, gs.Constant):
        return build.tensor(np.ascontiguousarray(x.values.transpose(perm)))
    if x.inputs and x.inputs[0].op == "Transpose" and x.inputs[0].attrs.get("perm") == perm:
        return x.inputs[0].inputs[0]
    return build("Transpose", x, perm=perm)


@rule("MatMul", uniform=True)
def _matmul(build, node, dy, needed):
    a, b = node.inputs
    da = db = None
    if isinstance(dy[0], Uniform):
        ones = dy[0].scalar.values == 1 and dy[0].shape[-1] == 1 and len(shape_of(b)) == 2
        if ones and not needed[1]:  # every row is the matrix's one column
            return [build.expand(swap_last(build, b), shape_of(a)), None]
        dy = [dy[0].full(build)]
    if needed[0]:
        # With one output the product is outer: broadcasting costs less than a MatMul.
        op = "Mul" if shape_of(dy[0])[-1] == 1 else "MatMul"
        da = sum_to(build, build(op, dy[0], swap_last(build, b)), shape_of(a))
    if needed[1]:
        db = sum_to(build, build("MatMul", swap_last(build, a), dy[0]), shape_of(b))
    return [da, db]


@rule("Transpose")
def _transpose(build, node, dy, needed):
    n = len(shape_of(node.inputs[0]))
    perm = list(node.attrs.get("perm", reversed(range(n))))
    if perm == [*range(n - 2), n - 1, n - 2]:
        return [swap_last(build, dy[0])]
    return [build("Transpose", dy[0], perm=[int(i) for i in np.argsort(perm)])]


@rule("Concat", uniform=True)
def _concat(build, node, dy, needed):
    axis = node.attrs["axis"] % len(shape_of(node.outputs[0]))
    if isinstance(dy[0], Uniform):
        return [Uniform(dy[0].scalar, shape_of(t)) for t in node.inputs]
    if len(node.inputs) == 1:
        return dy
    sizes = [shape_of(t)[axis] for t in node.inputs]
    return build.nodes("Split", dy[0], axis=axis, sizes=sizes)


@rule("Split")
def _split(build, node, dy, needed):
    parts = [
        Uniform(like(build, 0, t), shape_of(t)).full(build) if d is None else d
        for d, t in zip(dy, node.outputs, strict=True)
    ]
    return [build("Concat", *parts, axis=node.attrs["axis"])]


@rule("Slice")
def _slice(build, node, dy, needed):
    axis, begin, end = (node.attrs[k] for k in ("axis", "begin", "end"))
    after = shape_of(node.inputs[0])[axis] - end
    return [build("Pad", dy[0], axis=axis, before=begin, after=after)]


@rule("ReduceSum", "ReduceMean")
def _reduce(build, node, dy, needed):
    x = node.inputs[0]
    full = shape_of(x)
    axes = reduced_axes(node, len(full))
    kept = tuple(1 if i in axes else s for i, s in enumerate(full))
    d = build.reshape(dy[0], kept)
    if node.op == "ReduceMean":
        count = divide(product(full), product(kept))
        d = build("Div", d, like(build, float(count), x))
    return [build.expand(d, full), *[None] * (len(node.inputs) - 1)]


@rule("Expand")
def _expand(build, node, dy, needed):
    return [sum_to(build, dy[0], shape_of(node.inputs[0]))]


@rule("Einsum")
def _einsum(build, node, dy, needed):
    terms, out = node.attrs["equation"].replace(" ", "").split("->")
    terms = terms.split(",")
    result: list[gs.Tensor | None] = []
    for i, wanted in enumerate(needed):
        if not wanted:
            result.append(None)
            continue
        others = [j for j in range(len(terms)) if j != i]
        equation = ",".join([out, *(terms[j] for j in others)]) + "->" + terms[i]
        result.append(build("Einsum", dy[0], *(node.inputs[j] for j in others), equation=equation))
    return result


@rule("TabulateFusionSeA", "TabulateFusionSeT", "TabulateFusionSeR")
def _tabulate(build, node, dy, needed):
    grads = build.nodes(f"{node.op}Grad", *node.inputs, dy[0], node.outputs[0], **node.attrs)
    return [None, None, *grads]


@rule("TabulateFusionSeAtten")
def _tabulate_gated(build, node, dy, needed):
    """Inputs: table, table_info, em_x, em, two_embed, two_index, (two_scale)."""
    *shared, y = *node.inputs[:6], node.outputs[0]
    grads = build.nodes(f"{node.op}Grad", *shared, dy[0], y, *node.inputs[6:], **node.attrs)
    return [None, None, *grads[:2], None, None, *grads[2:]]


@rule("ContractSeA")
def _contract(build, node, dy, needed):
    return [build("ContractSeAGrad", node.inputs[0], dy[0], **node.attrs)]


@rule("FittingLayer")
def _layer(build, node, dy, needed):
    """Inputs: x, w, bias, (idt), (residual). A residual that is x itself is added in one go."""
    x, w, slope = *node.inputs[:2], node.outputs[1]
    same = len(node.inputs) == 5 and node.inputs[4] is x
    dx = build("FittingLayerGrad", slope, dy[0], w, *dy[:same]) if needed[0] else None
    return [dx, None, None, None, None if same else dy[0]][: len(node.inputs)]


@rule("Max", "Min")
def _extreme(build, node, dy, needed):
    a, b = node.inputs
    first = build("GreaterOrEqual" if node.op == "Max" else "LessOrEqual", a, b)
    return RULES["Where"](
        build, gs.Node("Where", node.name, {}, [first, a, b]), dy, [False, *needed]
    )[1:]


@rule("Clip")
def _clip(build, node, dy, needed):
    x, low, high = node.inputs
    inside = build("And", build("GreaterOrEqual", x, low), build("LessOrEqual", x, high))
    return [build("Where", inside, dy[0], like(build, 0, x)), None, None]


@rule("Sqrt")
def _sqrt(build, node, dy, needed):
    return [build("Div", dy[0], build("Mul", node.outputs[0], like(build, 2, dy[0])))]


@rule("Log")
def _log(build, node, dy, needed):
    return [build("Div", dy[0], node.inputs[0])]


@rule("Reciprocal")
def _reciprocal(build, node, dy, needed):
    y = node.outputs[0]
    return [build("Neg", build("Mul", dy[0], build("Mul", y, y)))]


@rule("Softmax")
def _softmax(build, node, dy, needed):
    """dx = y (dy - sum(dy y)), the sum along the softmax's axis."""
    y = node.outputs[0]
    weighted = build("Mul", dy[0], y)
    axis = np.array([node.attrs.get("axis", -1)], dtype=np.int64)
    total = build("ReduceSum", weighted, axis, keepdims=1)
    return [build("Sub", weighted, build("Mul", y, total))]


@rule("Abs")
def _abs(build, node, dy, needed):
    return [build("Mul", dy[0], build("Sign", node.inputs[0]))]

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Gives every tensor a symbolic shape and dissolves the arithmetic that computed shapes.

One walk in topological order. Small integer tensors that derive from `natoms`, from Shape or
from constants are evaluated symbolically (shape_values.py); afterwards Reshape and Slice
hold their sizes as attributes and whatever computed these has no reader left.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .graph import Builder, replace_everywhere
from .shape_rules import axis_of, broadcast, infer, infer_dtypes, shape_of
from .shape_values import ENDLESS, Values
from .symbols import Dim, Shape, Size, divide, product

ANY = Dim({("any",): 1})  # what -1 stands for in the shape of an empty tensor


def run(graph: gs.Graph, inputs: dict[str, Shape], natoms: np.ndarray) -> int:
    """inputs: shapes of the graph's inputs; natoms: its symbolic entries. Returns the number
    of nodes dissolved."""
    values = Values()
    values["natoms"] = natoms
    for tensor in graph.inputs:
        tensor.shape = inputs[tensor.name]
    for tensor in graph.tensors().values():
        if isinstance(tensor, gs.Constant):
            values.add_constant(tensor)
        elif tensor.inputs:
            tensor.shape = None  # tf2onnx's own guess
    before = len(graph.nodes)
    for node in list(graph.nodes):
        try:
            _visit(graph, node, values)
        except (ValueError, KeyError, IndexError, TypeError) as e:
            raise ConversionError(f"{node.name} ({node.op}): cannot follow its shape: {e}") from e
    graph.cleanup().toposort()
    _check_inputs(graph)
    return before - len(graph.nodes)


def _visit(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    if values.evaluate(node):
        return
    outputs = list(node.outputs)
    if node.op in TO_OUR_FORM:
        dtype = node.inputs[0].dtype
        TO_OUR_FORM[node.op](graph, node, values)
        for output in outputs:
            output.dtype = dtype if node.op != "Expand" else node.inputs[0].dtype
        return
    _make_constant(node, values)
    shapes, dtypes = infer(node), infer_dtypes(node)
    for output, shape, dtype in zip(outputs, shapes, dtypes, strict=False):
        output.shape, output.dtype = shape, dtype


def _make_constant(node: gs.Node, values: Values) -> None:
    """Inputs whose value is known become constants, where the node reads them as data."""
    for i, t in enumerate(node.inputs):
        known = values.get(t)
        if not t.inputs or known is None:  # a constant or a graph input
            continue
        if any(isinstance(v, Dim) for v in known.ravel()):
            raise ConversionError(f"{node.name} ({node.op}) computes with a number of atoms")
        node.inputs[i] = gs.Constant(f"{t.name}_value", known.astype(t.dtype or np.int64))


def _reshape(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    """The target is TensorFlow's: a 0 is an empty axis, not ONNX's "as in the input"."""
    x, target = node.inputs[0], list(values[node.inputs[1]].ravel())
    if -1 in [s for s in target if isinstance(s, int)]:
        rest = product(s for s in target if not (isinstance(s, int) and s == -1))
        unknown = divide(product(shape_of(x)), rest) if rest != 0 else ANY
        target = [unknown if isinstance(s, int) and s == -1 else s for s in target]
    if product(target) != product(shape_of(x)):
        raise ValueError(f"{shape_of(x)} does not fit {target}")
    _as_reshape(node, tuple(target))


def _empty_product(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    """A product over no neighbours (sel of a type is 0) is zero; others stay as they are."""
    a, b = (shape_of(t) for t in node.inputs)
    if a[-1] == 0:
        shapes = [tuple(1 if s == ANY else s for s in shape[:-2]) for shape in (a, b)]
        node.outputs[0].shape = (*broadcast(shapes, node.name), a[-2], b[-1])
        zero = gs.Constant(f"{node.name}_zero", np.zeros((), node.inputs[0].dtype))
        node.op, node.attrs, node.inputs = "Expand", {}, [zero]
    else:
        (node.outputs[0].shape,) = infer(node)


def _as_reshape(node: gs.Node, shape: Shape) -> None:
    node.op, node.attrs, node.inputs = "Reshape", {}, node.inputs[:1]
    node.outputs[0].shape = shape


def _squeeze(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    shape = list(shape_of(node.inputs[0]))
    if len(node.inputs) > 1:
        axes = {int(a) % len(shape) for a in values[node.inputs[1]].ravel()}
    else:
        axes = {i for i, s in enumerate(shape) if s == 1}
    _as_reshape(node, tuple(s for i, s in enumerate(shape) if i not in axes))


def _unsqueeze(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    shape = list(shape_of(node.inputs[0]))
    axes = [int(a) for a in values[node.inputs[1]].ravel()]
    for a in sorted(a % (len(shape) + len(axes)) for a in axes):
        shape.insert(a, 1)
    _as_reshape(node, tuple(shape))


def _flatten(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    shape = shape_of(node.inputs[0])
    axis = axis_of(node, len(shape), 1)
    _as_reshape(node, (product(shape[:axis]), product(shape[axis:])))


def _slice(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    x, shape = node.inputs[0], shape_of(node.inputs[0])
    starts, ends = (list(values[t].ravel()) for t in node.inputs[1:3])
    axes = [int(a) for a in values[node.inputs[3]].ravel()] if len(node.inputs) > 3 else None
    steps = values[node.inputs[4]].ravel() if len(node.inputs) > 4 else [1] * len(starts)
    if any(s != 1 for s in steps):
        raise ValueError("slices with a step are not supported")
    build = Builder(graph, node.name)
    for axis, begin, end in zip(axes or range(len(starts)), starts, ends, strict=True):
        axis %= len(shape)
        begin, end = _bound(begin, shape[axis]), _bound(end, shape[axis])
        if not (begin == 0 and end == shape[axis]):
            x = build.slice(x, axis, begin, end)
    if x is node.inputs[0]:
        node.op, node.attrs, node.inputs = "Identity", {}, node.inputs[:1]
        node.outputs[0].shape = shape
        return
    x.name, old = node.outputs[0].name, node.outputs[0]
    node.outputs.clear()
    replace_everywhere(graph, old, x)


def _bound(value: Size, size: Size) -> Size:
    """A slice bound, counted from the front and not beyond the end."""
    if isinstance(value, Dim):
        return size if value.terms.get((), 0) >= ENDLESS else value
    if value >= ENDLESS:
        return size
    if value < 0:
        return size + value
    return min(value, size) if isinstance(size, int) else value


def _split(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    shape = shape_of(node.inputs[0])
    axis = axis_of(node, len(shape))
    if len(node.inputs) > 1:
        sizes = list(values[node.inputs[1]].ravel())
    else:
        sizes = [divide(shape[axis], len(node.outputs))] * len(node.outputs)
    node.attrs, node.inputs = {"axis": axis, "sizes": sizes}, node.inputs[:1]
    for output, s in zip(node.outputs, infer(node), strict=True):
        output.shape = s


def _tile(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    """Repeats along an axis s, r times: (.., s, ..) -> (.., 1, s, ..) -> (.., r, s, ..)."""
    x, build = node.inputs[0], Builder(graph, node.name)
    shape, repeats = shape_of(x), list(values[node.inputs[1]].ravel())
    split: list[Size] = []
    wide: list[Size] = []
    for s, r in zip(shape, repeats, strict=True):
        split += [s] if r == 1 or s == 1 else [1, s]
        wide += [s] if r == 1 else [r] if s == 1 else [r, s]
    spread = build.expand(build.reshape(x, tuple(split)), tuple(wide))
    _as_reshape(node, tuple(s * r for s, r in zip(shape, repeats, strict=True)))
    node.inputs = [spread]


def _expand(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    target = broadcast([shape_of(node.inputs[0]), tuple(values[node.inputs[1]].ravel())], node.name)
    node.attrs, node.inputs = {}, node.inputs[:1]
    node.outputs[0].shape = target


def _constant_of_shape(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    """A filled tensor is broadcast from one element by whoever reads it."""
    value = node.attrs.get("value")
    fill = np.float32(0) if value is None else np.ravel(value.values)[0]
    scalar = gs.Constant(f"{node.name}_fill", np.asarray(fill))
    target = tuple(values[node.inputs[0]].ravel())
    out = node.outputs[0]
    node.op, node.attrs, node.inputs = "Expand", {}, [scalar]
    out.dtype, out.shape = scalar.dtype, target


def _matrix_diag(graph: gs.Graph, node: gs.Node, values: Values) -> None:
    """A vector on the diagonal: (.., m) -> (.., m, 1) times the unit matrix. TensorFlow's
    further inputs: k, num_rows, num_cols, padding_value."""
    x, k, *sizes = node.inputs
    shape = shape_of(x)
    given = [int(values[t].ravel()[0]) for t in (k, *sizes[:2])]
    if given[0] != 0 or any(g not in (-1, shape[-1]) for g in given[1:]):
        raise ValueError("only the main diagonal of a square matrix is supported")
    column = Builder(graph, node.name).reshape(x, (*shape, 1))
    node.op, node.domain, node.attrs = "Mul", None, {}
    node.inputs = [column, gs.Constant(f"{node.name}_unit", np.eye(shape[-1], dtype=x.dtype))]
    node.outputs[0].shape = (*shape, shape[-1])


TO_OUR_FORM = {
    "MatMul": _empty_product,
    "Reshape": _reshape,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Flatten": _flatten,
    "Slice": _slice,
    "Split": _split,
    "Tile": _tile,
    "Expand": _expand,
    "ConstantOfShape": _constant_of_shape,
    "MatrixDiagV3": _matrix_diag,
}


def _check_inputs(graph: gs.Graph) -> None:
    for node in graph.nodes:
        for t in node.outputs:
            if t.shape is None:
                raise ConversionError(f"{node.name} ({node.op}): no shape found for {t.name}")

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Symbolic values of the small integer tensors that frozen graphs compute shapes with."""

from __future__ import annotations

import operator
from functools import reduce

import numpy as np
import onnx_graphsurgeon as gs

from .shape_rules import axis_of, shape_of
from .symbols import Dim, divide

LARGEST = 64  # longer tensors are data
ENDLESS = 500_000_000  # tf2onnx writes "to the end" with numbers above this; sizes lie below


class Values:
    """Known values by tensor name, as object arrays of int, bool and Dim."""

    def __init__(self) -> None:
        self._known: dict[str, np.ndarray] = {}

    def __setitem__(self, name: str, value: np.ndarray) -> None:
        self._known[name] = value

    def get(self, tensor: gs.Tensor) -> np.ndarray | None:
        return self._known.get(tensor.name)

    def __getitem__(self, tensor: gs.Tensor) -> np.ndarray:
        value = self.get(tensor)
        if value is None:
            raise ValueError(f"{tensor.name} is not known before run time")
        return value

    def add_constant(self, tensor: gs.Constant) -> None:
        if tensor.dtype.kind in "iub" and np.prod(tensor.shape) <= LARGEST:
            self._known[tensor.name] = _objects(tensor.values)

    def evaluate(self, node: gs.Node) -> bool:
        """Whether the node's output is now known; its shape is then set as well."""
        out = node.outputs[0]
        if node.op == "Shape":
            value = _objects(list(shape_of(node.inputs[0])))
        else:
            args = [self.get(t) for t in node.inputs]
            if node.op not in RULES or any(a is None for a in args) or not args:
                return False
            value = RULES[node.op](node, *args)
            if value is None:
                return False
        self._known[out.name] = np.asarray(value, dtype=object)
        out.shape = self._known[out.name].shape
        return True


def _objects(values) -> np.ndarray:
    values = np.asarray(values, dtype=object)
    plain = [
        v if isinstance(v, Dim) else (bool(v) if isinstance(v, np.bool_) else int(v))
        for v in values.ravel()
    ]
    result = np.empty(values.size, dtype=object)
    result[:] = plain
    return result.reshape(values.shape)


def _sign(d) -> int | None:
    """Sign of a size, knowing that numbers of atoms are not negative; None where that leaves
    it open."""
    if not isinstance(d, Dim):
        return (d > 0) - (d < 0)
    constant = d.terms.get((), 0)
    if abs(constant) >= ENDLESS:
        return 1 if constant > 0 else -1
    if constant > 0 and all(c > 0 for c in d.terms.values()):
        return 1
    if constant < 0 and all(c < 0 for c in d.terms.values()):
        return -1
    return None


def _decided(choose):
    """Elementwise rule from the sign of a - b; the whole is unknown where one sign is."""

    def one(a, b):
        sign = _sign(a - b)
        return None if sign is None else choose(sign, a, b)

    def rule(node, a, b):
        result = np.vectorize(one, otypes=[object])(a, b)
        return None if any(r is None for r in np.ravel(result)) else result

    return rule


def _compare(op):
    return _decided(lambda sign, a, b: op(sign, 0))


def _arithmetic(op):
    return lambda node, *args: reduce(op, args)


def _divide(node, a, b):
    return np.vectorize(
        lambda x, y: x // y if isinstance(x, int) and isinstance(y, int) else divide(x, y),
        otypes=[object],
    )(a, b)


def _axes(node, args, default=None):
    if args:
        return tuple(int(i) for i in args[0].ravel())
    return tuple(node.attrs["axes"]) if "axes" in node.attrs else default


def _unsqueeze(node, x, *axes):
    return np.expand_dims(x, _axes(node, axes))


def _squeeze(node, x, *axes):
    return np.squeeze(x, _axes(node, axes))


def _slice(node, x, starts, ends, axes=None, steps=None):
    index = [slice(None)] * x.ndim
    for k, a in enumerate(range(len(starts)) if axes is None else axes.ravel()):
        step = 1 if steps is None else int(steps.ravel()[k])
        index[int(a)] = slice(int(starts.ravel()[k]), int(ends.ravel()[k]), step)
    return x[tuple(index)]


def _reduce_with(op):
    def rule(node, x, *axes):
        axes = _axes(node, axes, tuple(range(x.ndim)))
        keep = bool(node.attrs.get("keepdims", 1))
        return op.reduce(x, axis=axes, keepdims=keep) if x.ndim else x

    return rule


def _where(node, condition, a, b):
    return np.vectorize(lambda c, x, y: x if c else y, otypes=[object])(condition, a, b)


def _not(node, a):
    return np.vectorize(operator.not_, otypes=[object])(a)


def _both(op):
    return lambda node, a, b: np.vectorize(lambda x, y: op(bool(x), bool(y)), otypes=[object])(a, b)


RULES = {
    "Identity": lambda node, x: x,
    "Cast": lambda node, x: _objects(x),
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": lambda node, x, shape: x.reshape([int(s) for s in shape]),
    "Concat": lambda node, *xs: np.concatenate(xs, axis=axis_of(node, xs[0].ndim)),
    "Slice": _slice,
    "Gather": lambda node, x, i: np.take(x, i.astype(np.int64), axis=axis_of(node, x.ndim)),
    "Add": _arithmetic(operator.add),
    "Sum": _arithmetic(operator.add),
    "Sub": _arithmetic(operator.sub),
    "Mul": _arithmetic(operator.mul),
    "Div": _divide,
    "ReduceSum": _reduce_with(np.add),
    "ReduceProd": _reduce_with(np.multiply),
    "Max": _decided(lambda sign, a, b: a if sign >= 0 else b),
    "Min": _decided(lambda sign, a, b: b if sign >= 0 else a),
    "Equal": _compare(operator.eq),
    "Less": _compare(operator.lt),
    "Greater": _compare(operator.gt),
    "GreaterOrEqual": _compare(operator.ge),
    "LessOrEqual": _compare(operator.le),
    "Not": _not,
    "And": _both(operator.and_),
    "Or": _both(operator.or_),
    "Where": _where,
}

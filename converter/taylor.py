# SPDX-License-Identifier: LGPL-3.0-or-later
"""Value, slope and curvature of a net of one scalar, from the net's own nodes.

Every tensor is a truncated Taylor series in the net's input x: value v, first derivative d
and second derivative c, each (n, width) in float64. Constants have d = c = 0. One rule an
operator, so any activation, width or residual shape works.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import UnsupportedModelError


@dataclass(frozen=True)
class Series:
    v: np.ndarray
    d: np.ndarray
    c: np.ndarray

    def linear(self, f: Callable[[np.ndarray], np.ndarray]) -> Series:
        return Series(f(self.v), f(self.d), f(self.c))

    def __add__(self, o: Series) -> Series:
        return Series(self.v + o.v, self.d + o.d, self.c + o.c)

    def __sub__(self, o: Series) -> Series:
        return Series(self.v - o.v, self.d - o.d, self.c - o.c)

    def __mul__(self, o: Series) -> Series:
        return Series(
            self.v * o.v,
            self.d * o.v + self.v * o.d,
            self.c * o.v + 2 * self.d * o.d + self.v * o.c,
        )

    def apply(self, f: np.ndarray, f1: np.ndarray, f2: np.ndarray) -> Series:
        """f(self), where f, f1, f2 are the function and its derivatives at self.v."""
        return Series(f, f1 * self.d, f2 * self.d**2 + f1 * self.c)


def constant(values: np.ndarray) -> Series:
    v = np.asarray(values, dtype=np.float64)
    return Series(v, np.zeros_like(v), np.zeros_like(v))


def evaluate(
    nodes: Sequence[gs.Node], x: gs.Tensor, y: gs.Tensor, at: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Value, slope, curvature (n, width) of tensor y at the values `at` (n,) of tensor x."""
    column = np.asarray(at, dtype=np.float64).reshape(-1, 1)
    known = {x.name: Series(column, np.ones_like(column), np.zeros_like(column))}
    for node in nodes:
        if node.op not in RULES:
            raise UnsupportedModelError(
                f"{node.name}: operator {node.op} in an embedding net cannot be tabulated; "
                "please report it"
            )
        inputs = [
            constant(t.values) if isinstance(t, gs.Constant) else known[t.name] for t in node.inputs
        ]
        known[node.outputs[0].name] = RULES[node.op](node, *inputs)
    result = known[y.name]
    return result.v, result.d, result.c


def _matmul(node: gs.Node, a: Series, w: Series) -> Series:
    return a.linear(lambda m: m @ w.v)


def _concat(node: gs.Node, *parts: Series) -> Series:
    return Series(*(np.concatenate([getattr(p, k) for p in parts], axis=1) for k in "vdc"))


def _reshape(node: gs.Node, a: Series) -> Series:
    return a  # rows stay rows: nets.py has checked the shape


def _divide(node: gs.Node, a: Series, b: Series) -> Series:
    return a * b.apply(1 / b.v, -1 / b.v**2, 2 / b.v**3)


def _tanh(node: gs.Node, a: Series) -> Series:
    t = np.tanh(a.v)
    return a.apply(t, 1 - t * t, -2 * t * (1 - t * t))


def _sigmoid_parts(v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    s = 0.5 * (1 + np.tanh(0.5 * v))
    return s, s * (1 - s), s * (1 - s) * (1 - 2 * s)


def _sigmoid(node: gs.Node, a: Series) -> Series:
    return a.apply(*_sigmoid_parts(a.v))


def _softplus(node: gs.Node, a: Series) -> Series:
    s, ds, _ = _sigmoid_parts(a.v)
    return a.apply(np.logaddexp(0, a.v), s, ds)


def _relu(node: gs.Node, a: Series) -> Series:
    on = (a.v > 0).astype(np.float64)
    return a.linear(lambda m: m * on)


def _exp(node: gs.Node, a: Series) -> Series:
    e = np.exp(a.v)
    return a.apply(e, e, e)


def _pow(node: gs.Node, a: Series, p: Series) -> Series:
    k = float(np.ravel(p.v)[0])
    return a.apply(a.v**k, k * a.v ** (k - 1), k * (k - 1) * a.v ** (k - 2))


def _sqrt(node: gs.Node, a: Series) -> Series:
    r = np.sqrt(a.v)
    return a.apply(r, 0.5 / r, -0.25 / (r * a.v))


def _erf(node: gs.Node, a: Series) -> Series:
    density = 2 / math.sqrt(math.pi) * np.exp(-(a.v**2))
    return a.apply(np.vectorize(math.erf)(a.v), density, -2 * a.v * density)


def _choose(first: np.ndarray, a: Series, b: Series) -> Series:
    """a where `first`, b elsewhere."""
    return Series(*(np.where(first, getattr(a, k), getattr(b, k)) for k in "vdc"))


def _clip(node: gs.Node, a: Series, low: Series, high: Series) -> Series:
    a = _choose(a.v > low.v, a, low)
    return _choose(a.v < high.v, a, high)


RULES = {
    "MatMul": _matmul,
    "Concat": _concat,
    "Reshape": _reshape,
    "Identity": lambda node, a: a,
    "Cast": lambda node, a: a,
    "Add": lambda node, a, b: a + b,
    "Sum": lambda node, a, *more: sum(more, start=a),
    "Sub": lambda node, a, b: a - b,
    "Mul": lambda node, a, b: a * b,
    "Div": _divide,
    "Neg": lambda node, a: a.linear(np.negative),
    "Tanh": _tanh,
    "Sigmoid": _sigmoid,
    "Softplus": _softplus,
    "Relu": _relu,
    "Exp": _exp,
    "Pow": _pow,
    "Sqrt": _sqrt,
    "Erf": _erf,
    "Log": lambda node, a: a.apply(np.log(a.v), 1 / a.v, -1 / a.v**2),
    "Abs": lambda node, a: a.linear(lambda m: m * np.sign(a.v)),
    "Clip": _clip,
    "Max": lambda node, a, b: _choose(a.v >= b.v, a, b),
    "Min": lambda node, a, b: _choose(a.v <= b.v, a, b),
    "Where": lambda node, mask, a, b: _choose(mask.v != 0, a, b),
    "Greater": lambda node, a, b: constant(a.v > b.v),
    "GreaterOrEqual": lambda node, a, b: constant(a.v >= b.v),
    "Less": lambda node, a, b: constant(a.v < b.v),
    "LessOrEqual": lambda node, a, b: constant(a.v <= b.v),
    "Not": lambda node, a: constant(a.v == 0),
}

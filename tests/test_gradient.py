# SPDX-License-Identifier: LGPL-3.0-or-later
"""Gradient rules: each operator's reverse-mode rule against central differences."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
import onnxruntime
import pytest
from dponnx.converter import emit_onnx, gradient, gradient_rules
from dponnx.converter.graph import Builder
from dponnx.converter.shape_rules import shape_of
from dponnx.converter.tables import TableGrid, build_table
from dponnx.runtime.session import operator_library
from tolerances import CENTRAL_STEP, central_difference_atol

W = np.random.default_rng(0).normal(size=(4, 5))
B = np.random.default_rng(1).normal(size=(2, 4, 3))
ROW = np.random.default_rng(2).normal(size=(4,))
COLUMN = np.random.default_rng(3).normal(size=(6, 1))
MASK = np.random.default_rng(4).random((6, 4)) > 0.5


def _net(x):
    t = np.tanh(x)[:, None]
    return t, 1 - t * t, -2 * t * (1 - t * t)


GRID = TableGrid(-1.0, 1.0, 2.0, 0.05, 0.5, 40, 2, 2)
TABLE = build_table(_net, GRID).coef
INFO = np.array([GRID.lower, GRID.upper, GRID.maximum, GRID.fine, GRID.coarse, -1])
ROWS = {"last_layer_size": 1, "n_fine": GRID.n_fine, "n_coarse": GRID.n_coarse, "n_left": 2}


def _tabulated_a(b: Builder, x: gs.Tensor) -> gs.Tensor:
    """x (6, 4) as environment matrix of 2 atoms with 3 neighbours; the table's input is row 0."""
    em = b.reshape(x, (2, 3, 4))
    return b("TabulateFusionSeA", TABLE, INFO, b.slice(x, 1, 0, 1), em, **ROWS)


def _tabulated_t(b: Builder, x: gs.Tensor) -> gs.Tensor:
    """x as 2 atoms with 3 times 4 products; the table's input is another function of x."""
    column = b.reshape(b("Tanh", x), (24, 1))
    return b("TabulateFusionSeT", TABLE, INFO, column, b.reshape(x, (2, 3, 4)), **ROWS)


def _tabulated_atten(b: Builder, x: gs.Tensor, *scale: gs.Tensor) -> gs.Tensor:
    """As _tabulated_a, with three gates for the 6 neighbours."""
    inputs = [b.slice(x, 1, 0, 1), b.reshape(x, (2, 3, 4)), COLUMN[:3]]
    inputs += [np.array([0, 2, 2, 1, 0, 1], np.int32), *scale]
    return b("TabulateFusionSeAtten", TABLE, INFO, *inputs, **ROWS)


def _layer(b: Builder, *inputs) -> gs.Tensor:
    return b.nodes("FittingLayer", *inputs, activation="tanh")[0]


# name: function of (build, x (6, 4)) -> tensor; one for every rule
CASES = {
    "Identity": lambda b, x: b("Identity", x),
    "Reshape": lambda b, x: b("Tanh", b.reshape(x, (2, 12))),
    "Cast": lambda b, x: b.cast(b.cast(x, np.float32), np.float64),
    "Add row": lambda b, x: b("Tanh", b("Add", x, ROW)),
    "Add column": lambda b, x: b("Tanh", b("Add", b.slice(x, 1, 0, 1), x)),
    "Sum": lambda b, x: b("Tanh", b("Sum", x, b("Tanh", x), ROW)),
    "Sub": lambda b, x: b("Sub", b("Tanh", x), b("Mul", b.slice(x, 1, 1, 2), x)),
    "Mul": lambda b, x: b("Mul", b("Mul", x, COLUMN), b.slice(x, 1, 2, 3)),
    "Div": lambda b, x: b("Div", x, b("Add", b("Exp", b.slice(x, 1, 0, 1)), 1.0)),
    "Neg": lambda b, x: b("Tanh", b("Neg", x)),
    "Tanh": lambda b, x: b("Tanh", x),
    "Sigmoid": lambda b, x: b("Sigmoid", x),
    "Softplus": lambda b, x: b("Softplus", x),
    "Relu": lambda b, x: b("Relu", x),
    "Erf": lambda b, x: b("Erf", x),
    "Erfc": lambda b, x: b("Erfc", x),
    "Exp": lambda b, x: b("Exp", x),
    "Pow": lambda b, x: b("Pow", x, 3.0),
    "Sqrt": lambda b, x: b("Sqrt", b("Exp", x)),
    "Log": lambda b, x: b("Log", b("Exp", b("Tanh", x))),
    "Abs": lambda b, x: b("Abs", x),
    "Reciprocal": lambda b, x: b("Reciprocal", b("Exp", x)),
    "Softmax": lambda b, x: b("Mul", b("Softmax", x, axis=-1), x),
    "Softmax of rows": lambda b, x: b("Mul", b("Softmax", x, axis=0), x),
    "Clip": lambda b, x: b("Clip", x, -0.5, 0.5),
    "Max": lambda b, x: b("Max", x, b("Mul", x, x)),
    "Min": lambda b, x: b("Min", ROW, x),
    "Where": lambda b, x: b("Where", MASK, b("Tanh", x), b("Mul", x, x)),
    "MatMul": lambda b, x: b("Tanh", b("MatMul", x, W)),
    "MatMul batched": lambda b, x: b("Tanh", b("MatMul", b.reshape(x, (2, 3, 4)), B)),
    "MatMul of itself": lambda b, x: b(
        "MatMul", b("Transpose", b.reshape(x, (2, 3, 4)), perm=[0, 2, 1]), b.reshape(x, (2, 3, 4))
    ),
    "Transpose": lambda b, x: b("Tanh", b("Transpose", b.reshape(x, (2, 3, 4)), perm=[2, 0, 1])),
    "Concat": lambda b, x: b("Tanh", b("Concat", x, b("Mul", x, x), x, axis=1)),
    "Split": lambda b, x: b("Mul", *b.nodes("Split", x, axis=1, sizes=[2, 2])),
    "Slice": lambda b, x: b("Tanh", b.slice(x, 0, 1, 4)),
    "ReduceSum": lambda b, x: b("Tanh", b("ReduceSum", x, np.array([1]), keepdims=0)),
    "ReduceMean": lambda b, x: b("Tanh", b("ReduceMean", x, np.array([0]), keepdims=1)),
    "Einsum": lambda b, x: b("Einsum", x, b("Tanh", x), equation="ij,kj->ik"),
    "TabulateFusionSeA": _tabulated_a,
    "TabulateFusionSeR": lambda b, x: b("TabulateFusionSeR", TABLE, INFO, x, **ROWS),
    "TabulateFusionSeT": _tabulated_t,
    "TabulateFusionSeAtten": _tabulated_atten,
    "TabulateFusionSeAtten, scaled": lambda b, x: _tabulated_atten(
        b, x, b.reshape(b("Tanh", b.slice(x, 1, 1, 2)), (6,))
    ),
    "ContractSeA": lambda b, x: b("Tanh", b("ContractSeA", b.reshape(x, (2, 4, 3)), axis=2)),
    "FittingLayer": lambda b, x: _layer(b, x, W, W[0]),
    "FittingLayer with residual": lambda b, x: _layer(b, x, W[:, :4], ROW, W[:, 4], b("Exp", x)),
    "FittingLayer with x as residual": lambda b, x: _layer(b, x, W[:, 1:], ROW, W[:, 4], x),
}


def test_every_rule_has_a_case():
    untested = set(gradient_rules.RULES) - {name.split()[0].rstrip(",") for name in CASES}
    assert untested == {"Expand"}  # made by the rules themselves, and by Uniform gradients


@pytest.mark.parametrize("name", CASES)
def test_rule_against_central_differences(name):
    x = gs.Variable("x", dtype=np.dtype(np.float64), shape=(6, 4))
    natoms = gs.Variable("natoms", dtype=np.dtype(np.int32), shape=(3,))
    graph = gs.Graph(inputs=[x, natoms])
    build = Builder(graph, "case")
    y = CASES[name](build, x)
    (dx,) = gradient.differentiate(graph, y, [x])
    assert shape_of(dx) == (6, 4)
    graph.outputs = [build("Identity", y), build("Identity", dx)]
    session = _session(emit_onnx.to_model(graph, {})[0].SerializeToString())

    def run(values):
        return session.run(None, {"x": values, "natoms": np.array([6, 6, 6], dtype=np.int32)})

    at = np.random.default_rng(5).normal(size=(6, 4)) * 0.7
    at[np.abs(at) < 0.01] = 0.1  # away from the kink of Relu
    value, found = run(at)
    expected, h = np.zeros_like(at), CENTRAL_STEP
    for index in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[index] = h if name != "Cast" else 1e-2
        high, low = run(at + step)[0].sum(), run(at - step)[0].sum()
        expected[index] = (high - low) / (2 * step[index])
    atol = central_difference_atol(np.abs(value).sum()) if name != "Cast" else 1e-4
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=atol)


def _session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(str(operator_library()))
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

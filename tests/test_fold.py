# SPDX-License-Identifier: LGPL-3.0-or-later
"""What constants alone determine is evaluated before conversion; gates are recognised."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs
import pytest
from dponnx.converter.gates import find_gate
from dponnx.converter.graph import Builder
from dponnx.runtime.errors import ConversionError


@pytest.fixture(scope="module")
def tf(converter):
    from dponnx.converter.tensorflow_quiet import tensorflow

    return tensorflow()


def type_net(tf):
    """x + [a net of the unit matrix, split in two, and of a constant passed on as it is]."""
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float64, [3, 2], name="x")
        weights = tf.constant(np.arange(12.0).reshape(3, 4) / 10, name="weights")
        net = tf.tanh(tf.matmul(tf.one_hot([0, 1, 2], 3, dtype=tf.float64), weights), name="net")
        _, second = tf.split(net, 2, axis=1)
        kept = tf.identity(tf.constant(np.ones((3, 2)), name="stored"), name="stored/read")
        tf.identity(x + net[:, :2] + second + kept, name="y")
    return graph.as_graph_def()


def value(tf, graph_def, x):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.import_graph_def(graph_def, name="")
        return session.run("y:0", {"x:0": x})


def test_only_what_constants_determine_is_folded(tf):
    from dponnx.converter.fold import fold_constants

    before = type_net(tf)
    folded = fold_constants(before, set())
    left = tf.compat.v1.graph_util.extract_sub_graph(folded, ["y"])
    ops = {n.name: n.op for n in left.node}
    assert "OneHot" not in ops.values() and "MatMul" not in ops.values()
    # weights handed on as they are stay as they are; operators with two outputs stay
    assert ops["stored/read"] == "Identity" and "Split" in ops.values()
    x = np.random.default_rng(0).normal(size=(3, 2))
    np.testing.assert_array_equal(value(tf, folded, x), value(tf, before, x))


def test_operators_unknown_to_tensorflow_are_left_alone(tf):
    from dponnx.converter.fold import fold_constants

    graph_def = type_net(tf)
    (net,) = [n for n in graph_def.node if n.name == "net"]
    net.op = "NobodyKnows"
    ops = [n.op for n in fold_constants(graph_def, {"NobodyKnows"}).node]
    assert "NobodyKnows" in ops and "OneHot" in ops and "MatMul" not in ops


def gated(rows_are_constant: bool):
    """Nodes y * gate and y + y * gate, each with what it reads of the net."""
    y, scale = (gs.Variable(n, np.dtype(float), (6, k)) for n, k in (("y", 4), ("s", 1)))
    index = gs.Variable("index", np.dtype(np.int32), (6,))
    rows = gs.Constant("rows", np.ones((9, 4)))
    build = Builder(gs.Graph(), "case")
    chosen = build("Gather", rows if rows_are_constant else y, index, axis=0)
    product = build("Mul", y, build("Mul", build.reshape(scale, (6, 1)), chosen))
    build("Add", y, product)
    return [(n, y) for n in build.graph.nodes if y in n.inputs and n.op in ("Mul", "Add")]


def test_a_gate_is_rows_index_and_scale():
    gate = find_gate(gated(rows_are_constant=True))
    assert (gate.rows.name, gate.index.name, gate.scale.name) == ("rows", "index", "s")
    assert gate.result.inputs[0].op == "Add"


def test_a_gate_that_is_no_constant_is_refused():
    with pytest.raises(ConversionError, match="something other than rows of a constant"):
        find_gate(gated(rows_are_constant=False))


def test_other_readers_are_no_gate():
    multiply, add = gated(rows_are_constant=True)
    assert find_gate([multiply]) is None and find_gate([add]) is None

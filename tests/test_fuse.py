# SPDX-License-Identifier: LGPL-3.0-or-later
"""The choices of `dponnx compress`: plain operators (--opt 0), mixed precision; and what is told of
parts that cannot be fused."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import (
    fuse_descriptor,
    fuse_layers,
    fuse_types,
    gradient,
    pass_simplify,
    pass_tables,
    surgeon,
)
from dponnx.converter.assemble import prepare
from dponnx.converter.frozen_graph import read
from dponnx.converter.grids import TableOptions
from dponnx.runtime.errors import InputError
from dponnx.runtime.progress import Progress
from tolerances import MIXED


@pytest.fixture
def folder(fixture_dir):
    return fixture_dir / "sea_small_2side"


def operators(path):
    return {node.op_type for node in onnx.load(path).graph.node}


def test_opt_0_keeps_plain_operators(folder, tmp_path):
    report = compress(folder / "graph.pb", tmp_path / "c.pb", optimize=False)
    ops = operators(report.onnx)
    assert {"ProdEnvMatA", "TabulateFusionSeA", "TabulateFusionSeAGrad", "Tanh"} <= ops
    assert not any(op.startswith(("Descriptor", "Contract", "FittingLayer")) for op in ops)


def test_mixed_precision_is_close_and_says_so(folder, tmp_path):
    report = compress(folder / "graph.pb", tmp_path / "c.pb", precision="mixed")
    model = DeepPot(report.onnx)
    assert model.info.precision == "mixed"
    with np.load(folder / "reference.npz") as values:
        coord, box, atype = (values[f"bulk_{key}"] for key in ("coord", "box", "atype"))
        expected = {key: values[f"bulk_orig_{key}"] for key in MIXED}
    energy, force, virial = model.eval(coord, box, atype)
    for key, found in (("energy", energy), ("force", force), ("virial", virial)):
        off = np.abs(found - expected[key].reshape(found.shape)).max()
        assert 1e-13 < off < MIXED[key], key  # float32 must show, and be small


@pytest.mark.parametrize(
    "options, says",
    [
        ({"precision": "half"}, "precision is 'half'; expected 'model' or 'mixed'"),
        ({"precision": "mixed", "optimize": False}, "needs fused operators: leave out --opt 0"),
    ],
)
def test_wrong_choices_are_refused(folder, tmp_path, options, says):
    with pytest.raises(InputError, match=says):
        compress(folder / "graph.pb", tmp_path / "c.pb", **options)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def tabulated(fixture_dir):
    """The fixture's graph with tables and without gradient."""
    model, silent = read(fixture_dir / "sea_small_2side" / "graph.pb"), Progress()
    graph = prepare(model, silent)
    options = TableOptions(0.1, 5.0, -1, model.min_nbor_dist)
    surgeon.tabulate(graph, model, pass_tables.plan(graph, options), options, silent)
    return graph


@pytest.fixture
def graph(tabulated):
    """To be changed."""
    return tabulated.copy()


def env_mat_of(graph):
    return next(n for n in graph.nodes if n.op == "ProdEnvMatA")


def test_statistics_that_differ_among_slots_are_told(graph):
    env_mat = env_mat_of(graph)
    env_mat.inputs[4].values = env_mat.inputs[4].values.copy()
    env_mat.inputs[4].values[1, 4] += 1e-3  # second slot of type 0
    count, reasons = fuse_descriptor.run(graph)
    assert count == 0 and "differs among the slots of type 0" in reasons[0]
    assert env_mat in list(graph.nodes)


def test_another_reader_of_the_rows_is_told(graph):
    env_mat = env_mat_of(graph)
    reader = type(env_mat)("Relu", "outsider", {}, [env_mat.outputs[0]], [])
    graph.nodes.append(reader)
    count, reasons = fuse_descriptor.run(graph)
    assert count == 0 and "outsider (Relu) reads its rows" in reasons[0]


def test_a_missing_table_leaves_its_pair_out(graph):
    """The sum over tables lacks one: its pair of types does not interact."""
    sums = next(n for n in graph.nodes if n.op == "Sum")
    sums.inputs = [sums.inputs[1]]
    graph.cleanup().toposort()
    count, reasons = fuse_descriptor.run(graph)
    assert (count, reasons) == (1, [])
    fused = next(n for n in graph.nodes if n.op == "DescriptorSeA")
    assert sorted(fused.attrs["pairs"]) == [-1, 0, 1, 2]


def readers(graph, op):
    return [n for n in graph.nodes if n.op == op]


def layers_of(graph):
    """Fuses the layers; how many, and the nodes they became."""
    count, reasons = fuse_layers.run(graph)
    found = readers(graph, "FittingLayer")
    assert reasons == [] and count == len(found)
    return found


def test_every_layer_but_the_last_is_fused(graph):
    ends = [n for n in readers(graph, "MatMul") if n.outputs[0].shape[-1] == 1]
    layers = layers_of(graph)
    kinds = [(n.attrs["activation"], len(n.inputs)) for n in layers]
    assert sorted(kinds) == [("tanh", 3)] * 2 + [("tanh", 5)] * 4  # two types, resnet_dt
    assert len(ends) == 2 and all(n in list(graph.nodes) for n in ends)


def test_a_residual_that_is_the_layers_input_is_added_by_the_gradient(graph):
    layers_of(graph)
    (of,) = graph.outputs
    source = next(n for n in readers(graph, "FittingLayer") if len(n.inputs) == 3).inputs[0]
    gradient.differentiate(graph, of, [source])
    with_more = [n for n in readers(graph, "FittingLayerGrad") if len(n.inputs) == 4]
    assert with_more and all(n.inputs[3] is n.inputs[1] for n in with_more)


def test_a_product_that_is_read_elsewhere_stays(graph):
    """Its value before the bias is wanted, too."""
    first = next(n for n in readers(graph, "MatMul") if n.outputs[0].outputs[0].op == "Add")
    reader = type(first)("Exp", "outsider", {}, [first.outputs[0]], [])
    graph.nodes.append(reader)
    layers_of(graph)
    assert first in list(graph.nodes)


def test_an_activation_we_lack_stays(graph):
    tanh = readers(graph, "Tanh")[0]
    tanh.op = "Sin"
    before = len(readers(graph, "Tanh"))
    assert len(layers_of(graph)) == before
    assert tanh in list(graph.nodes)


def test_types_of_local_atoms_leave_no_node(graph):
    """Masks are gone, biases by type are in the last layers'."""
    assert readers(graph, "Gather") and readers(graph, "GreaterOrEqual")
    sums = len(readers(graph, "Add"))
    fuse_types.run(graph)
    pass_simplify.run(graph)
    assert {n.op for n in graph.nodes if any(t.name == "atype" for t in n.inputs)} == {
        "ProdEnvMatA"
    }
    assert not readers(graph, "Gather") and len(readers(graph, "Add")) < sums


def test_a_mask_that_is_not_the_same_for_all_types_stays(graph):
    """Types from 1 on are wanted: atoms of type 0 count nothing, as before."""
    for node in readers(graph, "GreaterOrEqual"):
        node.inputs[1] = type(node.inputs[1])(f"{node.name}/one", np.array(1, np.int32))
    fuse_types.run(graph)
    assert readers(graph, "GreaterOrEqual")

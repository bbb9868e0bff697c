# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does a step on CUDA go through without the host? Each node of a compressed model has a CUDA
kernel, ours or ONNX Runtime's, and no tensor goes from the device to the host or back.

Told from the graph after ONNX Runtime's own basic rewriting, without a GPU (cuda_placement.py).
Our operators are looked up in the library itself: the emulated one has what the CUDA one has.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from cuda_placement import KERNELS, problems
from dponnx import compress
from dponnx.custom_ops import library_path
from onnx import TensorProto, helper, numpy_helper
from random_model import untrained_model
from test_hybrids import ATTENTION, EMBEDDING, STRIP, A, R, T, hybrid

MODES = {
    "fused": {},
    "plain": {"optimize": False},
    "mixed": {"precision": "mixed"},
    "checked": {"frequency": 10, "optimize": False},
}
STEP = {"step": 0.05, "min_nbor_dist": 0.9}


@pytest.fixture
def rewritten(ort, operators, tmp_path):
    """model -> the one that ONNX Runtime makes of it, with CUDA's operators."""
    library = library_path("dponnx_ops_emulated")

    def rewrite(model: str | bytes) -> onnx.ModelProto:
        options = ort.SessionOptions()
        options.register_custom_ops_library(str(library))
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(tmp_path / "rewritten.onnx")
        options.log_severity_level = 4
        ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return onnx.load(tmp_path / "rewritten.onnx")

    return rewrite


def check(rewritten, graph_pb, folder, **options):
    report = compress(graph_pb, folder / "c.pb", **STEP | options)
    model = rewritten(str(report.onnx))
    assert len(model.graph.node) > 30  # the whole model, with forces
    assert problems(model) == []


@pytest.mark.parametrize("mode", MODES)
def test_water(converter, rewritten, fixture_dir, tmp_path, mode):
    check(rewritten, fixture_dir / "sea_small_2side" / "graph.pb", tmp_path, **MODES[mode])


@pytest.mark.parametrize("mode", ["fused", "plain"])
@pytest.mark.parametrize("name", ["ser", "se3", "hybrid3", "sea_f32"])
def test_reference_models(converter, rewritten, shared, tmp_path, name, mode):
    check(rewritten, shared / "models" / name / "graph.pb", tmp_path, **MODES[mode])


DRAWN = {
    "gates and nets that stay": (hybrid(STRIP, ATTENTION), EMBEDDING, {}),
    "tensor": (A, None, {"type": "dipole", "neuron": [6, 6]}),
    "parameters": (hybrid(T, R), None, {"numb_fparam": 2, "numb_aparam": 1, "neuron": [6, 9]}),
    "functions": (A, None, {"neuron": [6, 6, 6], "activation_function": "gelu"}),
}


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_models(deepmd, converter, rewritten, tmp_path, name):
    descriptor, embedding, fitting = DRAWN[name]
    more = {"type_embedding": embedding} if embedding else {}
    graph_pb = untrained_model(tmp_path / "g.pb", 2, descriptor, fitting, **more)
    check(rewritten, graph_pb, tmp_path, optimize=False)


# --- the check itself ---------------------------------------------------------------------------


def small_model(nodes, outputs, **constants):
    """Of coord, natoms and the given nodes."""
    inputs = [
        helper.make_tensor_value_info("coord", TensorProto.DOUBLE, ["n", 3]),
        helper.make_tensor_value_info("natoms", TensorProto.INT32, [4]),
    ]
    outs = [helper.make_tensor_value_info(n, t, None) for n, t in outputs.items()]
    values = [numpy_helper.from_array(np.asarray(v, np.int64), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "small", inputs, outs, values)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("dponnx", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def test_sizes_computed_by_onnx_would_wait_for_the_device(rewritten):
    """What the converter wrote before it had the operator Sizes."""
    node = helper.make_node
    model = small_model(
        [
            node("Cast", ["natoms"], ["n64"], to=TensorProto.INT64),
            node("Slice", ["n64", "zero", "one"], ["nloc"]),
            node("Slice", ["coord", "zero", "nloc"], ["local"]),
        ],
        {"local": TensorProto.DOUBLE}, zero=[0], one=[1],
    )  # fmt: skip
    assert problems(rewritten(model)) == ["Slice : input 2 (nloc) is on the device"]


def test_sizes_of_ours_stay_on_the_host(rewritten):
    sizes = {"coefficients": [1, 0, 0, 0], "constants": [0]}
    node = helper.make_node("Sizes", ["natoms"], ["nloc"], domain="dponnx", **sizes)
    local = helper.make_node("Slice", ["coord", "zero", "nloc"], ["local"])
    outputs = {"local": TensorProto.DOUBLE}
    assert problems(rewritten(small_model([node, local], outputs, zero=[0]))) == []
    twice = helper.make_node("Add", ["nloc", "zero"], ["twice"])
    outputs |= {"twice": TensorProto.INT64, "nloc": TensorProto.INT64}
    model = small_model([node, local, twice], outputs, zero=[0])
    assert problems(rewritten(model)) == ["Add : input 0 (nloc) is on the CPU"]


def test_a_node_without_a_kernel_is_told(rewritten):
    nodes = [
        helper.make_node("Pad", ["natoms", "pads"], ["longer"]),
        helper.make_node("Det", ["square"], ["d"]),
        helper.make_node("MatMul", ["coord", "turned"], ["square"]),
        helper.make_node("Transpose", ["coord"], ["turned"]),
    ]
    outputs = {"longer": TensorProto.INT32, "d": TensorProto.DOUBLE}
    nodes = [nodes[0], nodes[3], nodes[2], nodes[1]]
    found = problems(onnx.shape_inference.infer_shapes(
        onnx.load_from_string(small_model(nodes, outputs, pads=[0, 1]))
    ))  # fmt: skip
    assert found == [
        "Pad : no CUDA kernel for INT32",
        "Det : no CUDA kernel for DOUBLE",
    ]
    assert "Shape" not in KERNELS  # its output would be the host's

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every activation DeePMD-kit's TensorFlow backend accepts, in descriptor and fitting net."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import convert_to_bytes
from random_model import random_model, random_system

SMOOTH = ("tanh", "gelu", "gelu_tf", "softplus", "sigmoid", "silu", "linear", "none")
# First derivative jumps; second derivative jumps. The tables round that off.
KINKED = ("relu", "relu6", "silut", "silut:0.5")
EXACT_GELU = "x Phi(x)"  # tf.nn.gelu without approximation: Erf


@pytest.fixture(scope="module", params=[*SMOOTH, *KINKED, EXACT_GELU])
def model(request, deepmd, tmp_path_factory):
    """(activation, graph, system, results of the original)."""
    name = request.param
    path = tmp_path_factory.mktemp("activation") / "g.pb"
    with pytest.MonkeyPatch.context() as patch:
        if name == EXACT_GELU:
            name_there = "gelu_tf"
            patch.setitem(deepmd_activations(), name_there, exact_gelu)
        else:
            name_there = name
        descriptor = {
            "type": "se_e2_a",
            "sel": [20, 20],
            "neuron": [4, 9],
            "axis_neuron": 3,
            "type_one_side": True,
            "activation_function": name_there,
        }
        random_model(path, 2, descriptor, {"activation_function": name_there}, seed=5)
    coord, box, atype = random_system(2, 20, 5)
    system = coord[None], box[None], atype
    return name, path, system, deepmd.DeepPot(str(path)).eval(*system, atomic=True)


def deepmd_activations() -> dict:
    from deepmd.tf.common import ACTIVATION_FN_DICT

    return ACTIVATION_FN_DICT


def exact_gelu(x):
    import tensorflow as tf

    return tf.nn.gelu(x, approximate=False)


# What the layers of the fitting net say; the last one, which is linear, stays plain.
FUSED = {"none": {"linear"}}
FUSED |= dict.fromkeys(("silut", "silut:0.5", EXACT_GELU), set())


def activations_of_layers(path: Path) -> set[str]:
    layers = [n for n in onnx.load(path).graph.node if n.op_type == "FittingLayer"]
    return {a.s.decode() for n in layers for a in n.attribute if a.name == "activation"}


def assert_close(found, expected, atol: float) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b.reshape(a.shape), rtol=1e-11, atol=atol)


def test_none_is_missing(deepmd):
    assert {*deepmd_activations()} >= {*SMOOTH, *KINKED} - {"silut:0.5"}
    assert {k for k in deepmd_activations() if ":" not in k} == {*SMOOTH, *KINKED} - {"silut:0.5"}


def test_converted_equals_the_original(model):
    name, path, system, expected = model
    data = convert_to_bytes(path)
    assert (b"Erf" in data) == (name == EXACT_GELU)
    assert_close(DeepPot.from_bytes(data).eval(*system, atomic=True), expected, 1e-12)


def test_both_compressed_outputs_equal_the_original(model, deepmd, tmp_path):
    name, path, system, expected = model
    atol = 1e-11
    if name == "relu":
        atol = 2e-4  # as relu6; against DeePMD-kit's own in test_parity.py (sea_relu)
    elif name == "relu6":  # the kink is rounded off over one interval, by DeePMD-kit, too
        peer = deepmd.DeepPot(str(compressed_by_deepmd(path, tmp_path)))
        found = peer.eval(*system, atomic=True)
        atol = 2 * max(np.abs(a - b).max() for a, b in zip(found, expected, strict=True))
        assert 1e-8 < atol < 1e-3
    elif name.startswith("silut"):
        # the curvature jumps by less than 1: within one interval the slope is off by less than a
        # step of 0.01 times that, in one or two of twenty neighbours, each 1e-3 of a force of 0.01
        atol = 1e-7
    report = compress(path, tmp_path / "ours.pb")
    assert activations_of_layers(report.onnx) == FUSED.get(name, {name})
    for output in (DeepPot(report.onnx), deepmd.DeepPot(str(report.output))):
        assert_close(output.eval(*system, atomic=True), expected, atol)


def compressed_by_deepmd(graph: Path, folder: Path) -> Path:
    """What dp compress makes of it; it insists on a complete training script."""
    from tensorflow import make_ndarray, make_tensor_proto
    from tensorflow.compat.v1 import GraphDef

    graph_def = GraphDef.FromString(graph.read_bytes())
    (node,) = (n for n in graph_def.node if n.name == "train_attr/training_script")
    script = json.loads(make_ndarray(node.attr["value"].tensor).item())
    script |= {
        "learning_rate": {"type": "exp", "start_lr": 1e-3, "stop_lr": 1e-8, "decay_steps": 5000},
        "loss": {"type": "ener"},
        "training": {"training_data": {"systems": ["none"]}, "numb_steps": 1},
    }
    node.attr["value"].tensor.CopyFrom(make_tensor_proto(json.dumps(script).encode()))
    (folder / "complete.pb").write_bytes(graph_def.SerializeToString())
    command = [sys.executable, "-m", "deepmd", "--tf", "compress"]
    command += ["-i", "complete.pb", "-o", "peer.pb"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder / "peer.pb"

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frozen graph -> ONNX: the part that computes atomic energies, through tf2onnx.

The gradient half of the frozen graph is left behind: gradient.py writes a new one.
TensorFlow refuses operators it does not know, unless they are declared as functions.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .frozen_graph import FrozenModel
from .graph import DOMAIN
from .tensorflow_quiet import silenced, tensorflow

OPSET = 18  # float64 CPU kernels of several activations are gone from ONNX Runtime at 20
TARGET = "o_atom_energy"

# operator: (inputs, outputs); "T" stands for the operator's own real type
SIGNATURES = {
    "ProdEnvMatA": (
        {"coord": "T", "type": "int32", "natoms": "int32", "box": "T", "mesh": "int32",
         "davg": "T", "dstd": "T"},
        {"descrpt": "T", "descrpt_deriv": "T", "rij": "T", "nlist": "int32"},
    ),
}


def forward_graph(model: FrozenModel) -> gs.Graph:
    """The graph from t_coord, t_type, t_natoms, t_box, t_mesh to o_atom_energy, as tf2onnx
    leaves it: the DeePMD-kit operators are nodes of our domain with their TF inputs."""
    tf = tensorflow()
    with silenced():
        import onnx
        from tf2onnx import tfonnx

        try:
            part = tf.compat.v1.graph_util.extract_sub_graph(model.graph_def, [TARGET])
            used = {n.op for n in part.node}
            for op in used & set(SIGNATURES):
                if not _registered(op):
                    _declare(part.library, op, model.env_mat.attr["T"].type)
            graph = tf.Graph()
            with graph.as_default():
                tf.import_graph_def(part, name="")
            inputs = [f"{n.name}:0" for n in part.node if n.op == "Placeholder"]
            converted = tfonnx.process_tf_graph(
                graph,
                opset=OPSET,
                custom_op_handlers={op: (_keep, []) for op in used & set(SIGNATURES)},
                extra_opset=[onnx.helper.make_opsetid(DOMAIN, 1)],
                input_names=inputs,
                output_names=[f"{TARGET}:0"],
            )
            result = gs.import_onnx(converted.make_model("dponnx"))
        except Exception as e:
            reason = str(e).strip().splitlines()
            raise ConversionError(
                f"{model.path}: its energy graph cannot be read: {reason[0] if reason else e!r}"
            ) from e
    result.name = model.path.stem
    return result


def _registered(op: str) -> bool:
    """Whether this process has the real operator: deepmd-kit is loaded beside us."""
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(op) is not None


def _keep(ctx, node, name, args):
    """tf2onnx handler: the operator stays as it is, in our domain."""
    node.domain = DOMAIN
    return node


def _declare(library, op: str, real: int) -> None:
    """Adds `op` to the graph's function library: its signature, and a body nobody runs."""
    from tensorflow.core.framework import types_pb2

    inputs, outputs = SIGNATURES[op]
    function = library.function.add()
    function.signature.name = op

    def type_of(kind: str) -> int:
        return real if kind == "T" else getattr(types_pb2, f"DT_{kind.upper()}")

    for name, kind in inputs.items():
        function.signature.input_arg.add(name=name, type=type_of(kind))
    for name, kind in outputs.items():
        function.signature.output_arg.add(name=name, type=type_of(kind))
        body = function.node_def.add(name=f"body_{name}", op="Placeholder")
        body.attr["dtype"].type = type_of(kind)
        function.ret[name] = f"body_{name}:output:0"



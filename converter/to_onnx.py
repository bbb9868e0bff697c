# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frozen graph -> ONNX: the part that computes atomic energies (dipoles, ...), through tf2onnx.

The gradient half of the frozen graph is left behind: gradient.py writes a new one.
TensorFlow refuses operators it does not know, unless they are declared as functions.
"""

from __future__ import annotations

import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .activations import write_out
from .fold import fold_constants
from .frozen_graph import FrozenModel
from .graph import DOMAIN
from .repeat_by_type import unroll
from .tensorflow_quiet import silenced, tensorflow

OPSET = 18  # float64 CPU kernels of several activations are gone from ONNX Runtime at 20

# operator: (inputs, outputs); "T" stands for the operator's own real type
ENV_MAT_INPUTS = {
    "coord": "T",
    "type": "int32",
    "natoms": "int32",
    "box": "T",
    "mesh": "int32",
    "davg": "T",
    "dstd": "T",
}
ENV_MAT_OUTPUTS = {"descrpt": "T", "descrpt_deriv": "T", "rij": "T", "nlist": "int32"}
SIGNATURES = {
    "ProdEnvMatA": (ENV_MAT_INPUTS, ENV_MAT_OUTPUTS),
    "ProdEnvMatAMix": (ENV_MAT_INPUTS, ENV_MAT_OUTPUTS | {"ntype": "int32", "nmask": "bool"}),
    "ProdEnvMatR": (ENV_MAT_INPUTS, ENV_MAT_OUTPUTS),
}


def forward_graph(model: FrozenModel) -> gs.Graph:
    """The graph from t_coord, t_type, t_natoms, t_box, t_mesh to the atomic quantity, as tf2onnx
    leaves it: the DeePMD-kit operators are nodes of our domain with their TF inputs."""
    tf = tensorflow()
    target, whole = model.quantity.target, unroll(model)
    with silenced():
        import onnx
        from tf2onnx import tfonnx

        try:
            part = tf.compat.v1.graph_util.extract_sub_graph(whole, [target])
            part = fold_constants(write_out(part), set(SIGNATURES))
            part = tf.compat.v1.graph_util.extract_sub_graph(part, [target])
            declared = _declare_ours(part)
            graph = tf.Graph()
            with graph.as_default():
                tf.import_graph_def(part, name="")
            inputs = [f"{n.name}:0" for n in part.node if n.op == "Placeholder"]
            converted = tfonnx.process_tf_graph(
                graph,
                opset=OPSET,
                custom_op_handlers={
                    **{op: (_keep, []) for op in declared},
                    "MatrixDiagV3": (_keep_name, []),
                },
                extra_opset=[onnx.helper.make_opsetid(DOMAIN, 1)],
                input_names=inputs,
                output_names=[f"{target}:0"],
            )
            result = gs.import_onnx(converted.make_model("dponnx"))
        except Exception as e:
            reason = str(e).strip().splitlines()
            raise ConversionError(
                f"{model.path}: its energy graph cannot be read: {reason[0] if reason else e!r}"
            ) from e
    result.name = model.path.stem
    return result


def _keep(ctx, node, name, args):
    """tf2onnx handler: the operator stays as it is, in our domain and under its own name."""
    node.type, node.domain = node.type.rpartition("_")[0], DOMAIN
    return node


def _keep_name(ctx, node, name, args):
    """tf2onnx handler: TensorFlow's operator stays, until pass_shapes.py knows its sizes."""
    node.domain = DOMAIN
    return node


def _declare_ours(graph_def) -> set[str]:
    """Renames DeePMD-kit's operators to OP_type, one name for each real type, and declares
    those names in the graph's function library. Returns the names."""
    declared = set()
    for node in graph_def.node:
        if node.op in SIGNATURES:
            real = node.attr["T"].type or 2  # DT_DOUBLE, the operators' default
            name = f"{node.op}_{real}"
            if name not in declared:
                _declare(graph_def.library, name, *SIGNATURES[node.op], real)
            declared.add(name)
            node.op = name
    return declared


def _declare(library, name: str, inputs: dict, outputs: dict, real: int) -> None:
    """Adds one function: its signature, and a body nobody runs."""
    from tensorflow.core.framework import types_pb2

    function = library.function.add()
    function.signature.name = name

    def type_of(kind: str) -> int:
        return real if kind == "T" else getattr(types_pb2, f"DT_{kind.upper()}")

    for arg, kind in inputs.items():
        function.signature.input_arg.add(name=arg, type=type_of(kind))
    for arg, kind in outputs.items():
        function.signature.output_arg.add(name=arg, type=type_of(kind))
        body = function.node_def.add(name=f"body_{arg}", op="Placeholder")
        body.attr["dtype"].type = type_of(kind)
        function.ret[arg] = f"body_{arg}:output:0"

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where ONNX Runtime's CUDA provider would run each node of a model: told without a GPU.

CUDA has the kernels of KERNELS, for these types, in the versions that opset 18 means. Source: ONNX
Runtime, docs/OperatorKernels.md, section CUDAExecutionProvider (kernels) and the InputMemoryType of
their registrations in onnxruntime/core/providers/cuda (host inputs). A node that has one runs on
the device; ONNX Runtime moves some to the CPU that compute with the outputs of Shape and Size
(core/framework/fallback_cpu_capability.cc), neither of which is in the table.
"""

from __future__ import annotations

import onnx
from onnx import TensorProto as T

FLOATING = {T.FLOAT, T.DOUBLE}
NUMBERS = FLOATING | {T.INT32, T.INT64}
ANY = NUMBERS | {T.BOOL}

# Types of the input that is data, in the order of the alphabet; names of what is not are absent.
KERNELS = {
    "Abs": NUMBERS, "Add": NUMBERS, "And": {T.BOOL}, "Cast": ANY, "Clip": FLOATING | {T.INT64},
    "Concat": ANY, "Div": NUMBERS, "Einsum": FLOATING, "Equal": ANY, "Erf": FLOATING,
    "Exp": FLOATING, "Expand": ANY, "Gather": ANY, "Gemm": FLOATING, "Greater": NUMBERS,
    "GreaterOrEqual": NUMBERS, "Identity": ANY, "Less": NUMBERS, "LessOrEqual": NUMBERS,
    "Log": FLOATING, "MatMul": FLOATING, "Max": NUMBERS, "Min": NUMBERS, "Mul": NUMBERS,
    "Neg": NUMBERS, "Not": {T.BOOL}, "Or": {T.BOOL}, "Pad": FLOATING | {T.BOOL}, "Pow": NUMBERS,
    "Reciprocal": FLOATING, "ReduceMax": NUMBERS, "ReduceMean": FLOATING | {T.INT32},
    "ReduceSum": NUMBERS, "Relu": FLOATING, "Reshape": ANY, "Sigmoid": FLOATING, "Sign": NUMBERS,
    "Slice": ANY, "Softmax": FLOATING, "Softplus": FLOATING, "Split": ANY, "Sqrt": FLOATING,
    "Squeeze": ANY, "Sub": NUMBERS, "Sum": FLOATING, "Tanh": FLOATING, "Tile": NUMBERS,
    "Transpose": ANY, "Unsqueeze": ANY, "Where": NUMBERS,
}  # fmt: skip
DATA_INPUT = {"Where": 1}  # else the first

# Inputs that the kernels read on the host.
HOST_INPUTS = {
    "Expand": [1], "Pad": [1, 2, 3], "ReduceMax": [1], "ReduceMean": [1], "ReduceSum": [1],
    "Reshape": [1], "Slice": [1, 2, 3, 4], "Split": [1], "Squeeze": [1], "Tile": [1],
    "Unsqueeze": [1],
}  # fmt: skip

OURS_ON_CPU = {"Sizes"}  # in every library
# Ports of our operators that lie on the host, beside constants: what the model's inputs are named.
OURS_HOST = {"natoms", "want_atom_virial", "evaluation"}


def problems(model: onnx.ModelProto) -> list[str]:
    """One line for each node without a CUDA kernel and for each tensor that a step would carry
    between host and device; none: a step is one stream of kernels. The model is one that ONNX
    Runtime has written (its types are known)."""
    graph = onnx.shape_inference.infer_shapes(model).graph  # types of some are left out
    typed = [*graph.input, *graph.output, *graph.value_info]
    types = {v.name: v.type.tensor_type.elem_type for v in typed}
    types |= {i.name: i.data_type for i in graph.initializer}
    constants = {i.name for i in graph.initializer}
    inputs = {i.name for i in graph.input}
    on_cpu: set[str] = set()
    ports: dict[str, set[str]] = {name: set() for name in inputs}
    found = []
    for node in graph.node:
        where = f"{node.op_type} {node.name}"
        cpu_node = node.domain == "dponnx" and node.op_type in OURS_ON_CPU
        if cpu_node:
            on_cpu |= set(node.output)
        elif node.domain == "":
            data = node.input[DATA_INPUT.get(node.op_type, 0)]
            kind = types.get(data, T.UNDEFINED)
            if kind not in KERNELS.get(node.op_type, ()):
                found.append(f"{where}: no CUDA kernel for {T.DataType.Name(kind)}")
        elif node.domain != "dponnx":
            found.append(f"{where}: of domain {node.domain}")
        for k, name in enumerate(node.input):
            if not name or (name in constants and name not in inputs):
                continue
            host = cpu_node or _is_host_port(node, k, name)
            if name in inputs:
                ports[name].add("host" if host else "device")
            elif host != (name in on_cpu):
                found.append(f"{where}: input {k} ({name}) is on the {'device' if host else 'CPU'}")
    found += [f"input {n} is read on both sides" for n, sides in ports.items() if len(sides) > 1]
    return found


def _is_host_port(node: onnx.NodeProto, k: int, name: str) -> bool:
    if node.domain == "dponnx":
        return name in OURS_HOST
    return k in HOST_INPUTS.get(node.op_type, [])

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Our graph -> ONNX model for one frame (DESIGN section 4)."""

from __future__ import annotations

import numpy as np
import onnx
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from . import pass_frames
from .graph import DOMAIN
from .shape_rules import shape_of
from .symbols import Size, nall, nloc, one_frame
from .to_onnx import OPSET

IR_VERSION = 8  # what ONNX Runtime 1.21 and later read
PAGE = 4096  # constants in a data file begin at multiples of this
LARGE = PAGE  # bytes; smaller constants stay in the model even beside a data file
OVERRIDABLE = ("want_atom_virial", "evaluation")  # initializers a caller may replace by an input


def to_model(
    graph: gs.Graph, metadata: dict[str, str], data_file: str | None = None
) -> tuple[onnx.ModelProto, list[bytes | memoryview]]:
    """The ONNX model; `graph` itself is turned into ONNX form and must not be used afterwards.

    With data_file (a file name) large constants stay out of the model: the second result is
    what to write to that file, part after part, beside the model.
    """
    pass_frames.run(graph)
    sizes = Sizes(graph)
    for node in list(graph.nodes):
        if node.op in WRITE:
            WRITE[node.op](sizes, node)
    graph.cleanup().toposort()
    constants = {}
    for tensor in graph.tensors().values():
        if isinstance(tensor, gs.Variable):
            known = tensor in graph.inputs + graph.outputs
            tensor.shape = _names(tensor, sizes.ntypes) if known else None
        elif data_file is not None and tensor.values.nbytes > LARGE:
            constants[tensor.name] = np.ascontiguousarray(tensor.values)
            tensor.values = np.zeros((), tensor.values.dtype)
    graph.opset = OPSET
    graph.import_domains = [
        onnx.helper.make_opsetid("", OPSET),
        onnx.helper.make_opsetid(DOMAIN, 1),
    ]
    graph.producer_name = "dponnx"
    graph.name = "dponnx"
    model = gs.export_onnx(graph, do_type_check=False, ir_version=IR_VERSION)
    parts: list[bytes | memoryview] = []
    for initializer in model.graph.initializer:
        if initializer.name in OVERRIDABLE:
            model.graph.input.append(
                onnx.helper.make_tensor_value_info(
                    initializer.name, initializer.data_type, list(initializer.dims)
                )
            )
        if initializer.name in constants:
            parts += _outside(initializer, constants[initializer.name], data_file, parts)
    onnx.helper.set_model_props(model, metadata)
    return model, parts


def _outside(initializer, values: np.ndarray, data_file: str | None, before: list) -> list:
    """Points the initializer at its place in the data file, behind the parts already there.
    Returns its parts: the values, and zeros up to the next page."""
    offset = sum(memoryview(p).nbytes for p in before)
    initializer.ClearField("raw_data")
    initializer.dims[:] = values.shape
    initializer.data_location = onnx.TensorProto.EXTERNAL
    place = {"location": data_file, "offset": str(offset), "length": str(values.nbytes)}
    for key, value in place.items():
        initializer.external_data.add(key=key, value=value)
    return [memoryview(values).cast("B"), bytes(-values.nbytes % PAGE)]


def _names(tensor: gs.Variable, ntypes: int) -> list[int | str]:
    """Shape for the file: nall, nnei and nloc by name; nsel: local atoms of selected types."""
    known = {"nall": "nall", "nnei": "nnei", repr(nloc(ntypes)): "nloc"}
    shape = one_frame(shape_of(tensor))
    return [s if isinstance(s, int) else known.get(repr(s), "nsel") for s in shape]


class Sizes:
    """Writes sizes as int64 tensors: constants, or computed from the input natoms by one node of
    ours. ONNX's arithmetic would do, but on CUDA it would go to the device and come back."""

    def __init__(self, graph: gs.Graph):
        self.graph = graph
        self.natoms = next(t for t in graph.inputs if t.name == "natoms")
        self.ntypes = self.natoms.shape[0] - 2
        self._cache: dict[object, gs.Tensor] = {}

    def tensor(self, sizes: list[Size]) -> gs.Tensor:
        """(len(sizes),) int64."""
        sizes = list(one_frame(tuple(sizes)))
        key = tuple(map(repr, sizes))
        if key not in self._cache:
            known = all(isinstance(s, int) for s in sizes)
            self._cache[key] = self._constant(sizes) if known else self._computed(sizes)
        return self._cache[key]

    def target(self, sizes: tuple[Size, ...]) -> gs.Tensor:
        """A Reshape target: the one size not known before run time is -1."""
        sizes = one_frame(sizes)
        open_ones = [i for i, s in enumerate(sizes) if not isinstance(s, int)]
        if len(open_ones) == 1:
            sizes = tuple(-1 if i in open_ones else s for i, s in enumerate(sizes))
        return self.tensor(list(sizes))

    def _constant(self, sizes: list[int]) -> gs.Constant:
        name = "size_" + "_".join(map(str, sizes))
        return gs.Constant(name, np.asarray(sizes, dtype=np.int64))

    def _computed(self, sizes: list[Size]) -> gs.Variable:
        terms = [self._terms(s) for s in sizes]
        attributes = {
            "coefficients": [c for coefficients, _ in terms for c in coefficients],
            "constants": [constant for _, constant in terms],
        }
        name = f"sizes_{len(self._cache)}"
        y = gs.Variable(name, dtype=np.dtype(np.int64), shape=(len(sizes),))
        node = gs.Node("Sizes", name, attributes, [self.natoms], [y], domain=DOMAIN)
        self.graph.nodes.append(node)
        return y

    def _terms(self, size: Size) -> tuple[list[int], int]:
        """Coefficients of the entries of natoms, and the constant, whose sum the size is."""
        coefficients = [0] * (self.ntypes + 2)
        constant = 0
        if isinstance(size, int):
            constant = size
        elif size == nloc(self.ntypes):
            coefficients[0] = 1
        elif size == nall:
            coefficients[1] = 1
        else:
            for monomial, c in size.terms.items():
                if not monomial:
                    constant = int(c)
                elif len(monomial) == 1 and monomial[0].startswith("n_"):
                    coefficients[2 + int(monomial[0][2:])] = int(c)
                elif monomial == ("nall",):
                    coefficients[1] = int(c)
                else:
                    raise ConversionError(f"size {size!r} cannot be computed from natoms")
        return coefficients, constant


def _reshape(sizes: Sizes, node: gs.Node) -> None:
    node.inputs.append(sizes.target(shape_of(node.outputs[0])))


def _expand(sizes: Sizes, node: gs.Node) -> None:
    node.inputs.append(sizes.tensor(list(shape_of(node.outputs[0]))))


def _slice(sizes: Sizes, node: gs.Node) -> None:
    bounds = ([node.attrs[k]] for k in ("begin", "end", "axis"))
    node.inputs += [sizes.tensor(b) for b in bounds]
    node.attrs.clear()


def _split(sizes: Sizes, node: gs.Node) -> None:
    node.inputs.append(sizes.tensor(node.attrs.pop("sizes")))


def _pad(sizes: Sizes, node: gs.Node) -> None:
    x = node.inputs[0]
    pads: list[Size] = [0] * (2 * len(shape_of(x)))
    axis = node.attrs.pop("axis")
    pads[axis] = node.attrs.pop("before")
    pads[axis + len(pads) // 2] = node.attrs.pop("after")
    node.inputs.append(sizes.tensor(pads))


def _einsum(sizes: Sizes, node: gs.Node) -> None:
    """Products of matrices, one for each atom, as MatMul: ONNX Runtime's Einsum divides by zero
    where there are no atoms. Other sums of products stay."""
    terms, _, result = node.attrs["equation"].replace(" ", "").partition("->")
    letters = terms.split(",")
    if len(letters) != 2 or {len(t) for t in (*letters, result)} != {3}:
        return
    batch, row, column = result
    operands = list(zip(letters, node.inputs, strict=True))
    if row not in letters[0]:
        operands.reverse()
    (left, a), (right, b) = operands
    summed = (set(left) & set(right)) - set(result)
    if len(summed) != 1 or {left[0], right[0]} != {batch}:
        return
    (inner,) = summed
    if set(left) != {batch, row, inner} or set(right) != {batch, column, inner}:
        return
    node.op, node.attrs = "MatMul", {}
    node.inputs = [
        _turned(sizes, a, left != batch + row + inner),
        _turned(sizes, b, right != batch + inner + column),
    ]


def _turned(sizes: Sizes, x: gs.Tensor, turn: bool) -> gs.Tensor:
    """x, or its matrices transposed."""
    if not turn:
        return x
    name = f"turned_{len(sizes.graph.nodes)}"
    y = gs.Variable(name, dtype=x.dtype)
    node = gs.Node("Transpose", name, {"perm": [0, 2, 1]}, [x], [y])
    sizes.graph.nodes.append(node)
    return y


WRITE = {
    "Einsum": _einsum, "Expand": _expand, "Pad": _pad, "Reshape": _reshape, "Slice": _slice,
    "Split": _split,
}  # fmt: skip

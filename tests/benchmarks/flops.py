# SPDX-License-Identifier: LGPL-3.0-or-later
"""How much arithmetic a model asks for: floating-point operations an atom, from its graph."""

from __future__ import annotations

import numpy as np
import onnx

# A table input, of each output: a fifth-order polynomial is 5 multiply-adds; its slope 4 more.
VALUE, SLOPE = 10, 8
COLUMNS = {"DescriptorSeA": 4, "DescriptorSeR": 1, "DescriptorSeT": 1}


def attributes(node: onnx.NodeProto) -> dict:
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def neighbours(inputs: dict[str, np.ndarray], rcut: float) -> np.ndarray:
    """(nloc, ntypes) neighbours within rcut of each atom, of each type."""
    nloc, ntypes = inputs["natoms"][0], len(inputs["natoms"]) - 2
    listed, coord = inputs["nlist"], inputs["coord"]
    near = np.linalg.norm(coord[listed] - coord[:nloc, None], axis=-1) < rcut
    kinds = np.where((listed >= 0) & near, inputs["atype"][listed], -1)
    return (kinds[..., None] == np.arange(ntypes)).sum(axis=1)


def table_flop(node: onnx.NodeProto, inputs: dict[str, np.ndarray]) -> float:
    """Of all atoms, forward and backward, for a fused descriptor (custom_ops/README.md).

    An input x of a table of width outputs, whose value G is added to C sums with the weights em:
    forward G and C multiply-adds; backward G and G', dE/dem (C multiply-adds), dE/dx (C for the sum
    of dy em, if there is more than one column, and one). Sharing rows among inputs makes it less.
    """
    about = attributes(node)
    near = neighbours(inputs, about["rcut"])
    ntypes, columns = near.shape[1], COLUMNS[node.op_type]
    centre = inputs["atype"][: len(near)]
    triples = node.op_type == "DescriptorSeT"
    has_table = np.reshape(about["pairs"], (ntypes, ntypes, -1))[centre] >= 0
    per_atom = near[:, :, None] * (near[:, None, :] if triples else 1) * has_table
    forward = VALUE + 2 * columns
    backward = VALUE + SLOPE + 2 * columns + (2 * columns if columns > 1 else 0) + 2
    return float(per_atom.sum() * about["last_layer_size"] * (forward + backward))


def product_flop(shapes: list[list[int]], output: list[int]) -> float:
    """Of a product (..., m, k) x (..., k, n), either one transposed or not: 2 m n k."""
    return 2.0 * float(np.prod(shapes[0])) * output[-1]


def mflop_atom(
    fused: onnx.ModelProto, products: list[tuple[list, list]], inputs: dict[str, np.ndarray]
) -> float:
    """MFLOP an atom, forward and backward: tables, contraction, fitting net.

    fused     the model with fused descriptors, for its tables
    products  shapes (of the inputs, of the output) of every MatMul met when the plain model
              evaluates the inputs: fitting net and contraction D, as the model states them (the
              fused ones use the symmetry of D, and do less)
    Activations, environment matrix and sums of forces are left out: DESIGN, section 8.
    """
    total = sum(product_flop(*shapes) for shapes in products)
    total += sum(table_flop(n, inputs) for n in fused.graph.node if n.op_type in COLUMNS)
    return total / int(inputs["natoms"][0]) / 1e6

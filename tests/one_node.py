# SPDX-License-Identifier: LGPL-3.0-or-later
"""ONNX models of a single node of domain dponnx."""

from __future__ import annotations

import numpy as np
from onnx import helper, numpy_helper


def one_node(
    op, inputs, outputs, constants=None, out_types=None, *, after=None, order=None, **attributes
) -> bytes:
    """A serialised model: constants, then inputs, are the node's inputs in order, or in the given
    order of their names; with `after` first inputs, then constants, then after.

    inputs, constants and after map names to arrays (inputs and after give type and rank only);
    outputs are names.
    Outputs have the type of the first floating-point input unless out_types names another.
    """
    constants, out_types = constants or {}, out_types or {}
    names = [*constants, *inputs] if after is None else [*inputs, *constants, *after]
    inputs = dict(inputs) | (after or {})
    arrays = [np.asarray(a) for a in {**constants, **dict(inputs)}.values()]
    main = next((a.dtype for a in arrays if a.dtype.kind == "f"), np.dtype(np.float64))

    def declare(name, dtype, rank):
        shape = None if rank is None else [None] * rank
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)

    declared_in = [declare(k, np.asarray(a).dtype, np.ndim(a)) for k, a in dict(inputs).items()]
    declared_out = [declare(k, np.dtype(out_types.get(k, main)), None) for k in outputs]
    node = helper.make_node(op, order or names, list(outputs), domain="dponnx", **attributes)
    initializers = [numpy_helper.from_array(np.asarray(a), k) for k, a in constants.items()]
    graph = helper.make_graph([node], op, declared_in, declared_out, initializers)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("dponnx", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    return model.SerializeToString()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""The tabulation of se_atten in TensorFlow: DeePMD-kit's operators read a gate for each neighbour,
written out, where ours read its row number (docs/design/type-embedding.md)."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .shape_rules import shape_of
from .tf_rules import dtype_of, ints


def _tabulate_gated(out, node):
    """DeePMD-kit's operator reads a gate for each neighbour, written out."""
    table, info, em_x, em, *_ = out.inputs(node)
    _, two = _gates(out, node, node.inputs[6:])
    name = out.writer.op(
        node.op,
        [table, info, em_x, em, two],
        name=node.name,
        T=dtype_of(node),
        last_layer_size=node.attrs["last_layer_size"],
        is_sorted=_is_sorted(node.inputs[3]),
    )
    out.put(node.outputs[0], name)


def _tabulate_gated_grad(out, node):
    table, info, em_x, em, _, _, dy, descriptor, *_ = out.inputs(node)
    rows, two = _gates(out, node, node.inputs[8:])
    name = out.writer.op(
        node.op,
        [table, info, em_x, em, two, dy, descriptor],
        name=node.name,
        T=dtype_of(node),
        is_sorted=_is_sorted(node.inputs[3]),
    )
    out.put(node.outputs[0], name)
    out.put(node.outputs[1], f"{name}:1")
    for y in node.outputs[2:]:
        product = out.writer.binary("Mul", f"{name}:2", rows, dtype_of(node))
        axis = ints(out, [1])
        total = out.writer.op("Sum", [product, axis], T=dtype_of(node), Tidx=np.int32)
        out.put(y, total)


def _gates(out, node, scale: list[gs.Tensor]) -> tuple[str, str]:
    """(m, width): the row of two_embed for each neighbour; the same times scale, if given."""
    embed, index = node.inputs[4:6]
    rows = out.writer.op(
        "GatherV2",
        [out.name(embed), out.name(index), ints(out, 0)],
        name=f"{node.name}_rows",
        batch_dims=0,
        Tparams=dtype_of(node),
        Tindices=np.int32,
        Taxis=np.int32,
    )
    if not scale:
        return rows, rows
    column = out.reshape(out.name(scale[0]), (*shape_of(scale[0]), 1), dtype_of(node))
    return rows, out.writer.binary("Mul", rows, column, dtype_of(node))


def _is_sorted(em: gs.Tensor) -> bool:
    """Whether em comes as it is from the operator that sorts all neighbours by distance, so that
    DeePMD-kit's kernels may stop at the first empty slot."""
    while em.inputs and em.inputs[0].op == "Reshape":
        em = em.inputs[0].inputs[0]
    return bool(em.inputs) and em.inputs[0].op == "ProdEnvMatAMix"


RULES = {
    "TabulateFusionSeAtten": _tabulate_gated,
    "TabulateFusionSeAttenGrad": _tabulate_gated_grad,
}

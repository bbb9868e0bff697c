# SPDX-License-Identifier: LGPL-3.0-or-later
"""Puts fused operators into the forward graph, for the ONNX file only (`--opt 0` leaves them out).

In this order: what types alone decide (fuse_types.py), descriptors from coordinates
(fuse_descriptor.py), their contraction (fuse_contract.py), layers of the fitting nets
(fuse_layers.py). Each part of a graph that is not as expected keeps its plain operators, with the
same numbers; the reason is reported.
"""

from __future__ import annotations

import logging

import onnx_graphsurgeon as gs

from . import fuse_contract, fuse_descriptor, fuse_layers, fuse_types, pass_simplify

log = logging.getLogger("dponnx")


def run(graph: gs.Graph) -> list[str]:
    """One line for each part that stays plain. The graph must have tables and no gradient yet."""
    plain: list[str] = []
    for name, fuse in (
        ("types", fuse_types.run),
        ("descriptors", fuse_descriptor.run),
        ("contractions", fuse_contract.run),
        ("layers", fuse_layers.run),
    ):
        count, reasons = fuse(graph)
        log.debug("fused %s: %d", name, count)
        plain += reasons
        pass_simplify.run(graph)
    for reason in plain:
        log.warning("not fused: %s", reason)
    return plain

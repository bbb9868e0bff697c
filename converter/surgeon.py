# SPDX-License-Identifier: LGPL-3.0-or-later
"""The passes over the forward graph, in order: prepare, tabulate, fuse, derive. Each tells how
often it matched."""

from __future__ import annotations

import logging

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import UnsupportedModelError
from ..runtime.report import NetReport
from . import (
    gradient,
    pass_activations,
    pass_concat,
    pass_fuse,
    pass_inputs,
    pass_mixed,
    pass_shapes,
    pass_simplify,
    pass_split,
    pass_tables,
)
from .frozen_graph import FrozenModel
from .grids import TableOptions

log = logging.getLogger("dponnx")


def prepare(graph: gs.Graph, model: FrozenModel) -> None:
    """The passes before the tables: our inputs, symbolic shapes, nothing superfluous."""
    shapes, natoms = pass_inputs.shapes(model), pass_inputs.natoms(model.ntypes)
    _tell("inputs", pass_inputs.run(graph, model))
    _tell("shapes", pass_shapes.run(graph, shapes, natoms))
    _tell("activations", pass_activations.run(graph))
    _tell("simplify", pass_simplify.run(graph))
    _tell("concat", pass_concat.run(graph))
    _tell("split", pass_split.run(graph))


def tabulate(
    graph: gs.Graph,
    model: FrozenModel,
    plan: pass_tables.Plan,
    options: TableOptions,
    progress,
) -> list[NetReport]:
    """Tables in place of the nets. One report a table."""
    tables = pass_tables.run(graph, plan, options, model.type_names, progress)
    _tell("tables", len(tables))
    return tables


def fuse(graph: gs.Graph) -> list[str]:
    """Fused operators in place of plain ones: for ONNX only, between tabulate and derive. One line
    for each part of the graph that stays plain."""
    before = len(graph.nodes)
    plain = pass_fuse.run(graph)
    _tell("fuse", before - len(graph.nodes))
    return plain


def narrow(graph: gs.Graph, model: FrozenModel) -> bool:
    """Tables and fitting nets in float32, after fuse. False if the model is float32 already."""
    if model.precision == np.float32:
        return False
    count = pass_mixed.run(graph)
    _tell("mixed", count)
    if count == 0:
        raise UnsupportedModelError(
            f"{model.path}: --precision mixed needs fused operators, and none fits this model; "
            "leave the option out"
        )
    return True


def derive(graph: gs.Graph, model: FrozenModel) -> None:
    """The outputs: sums and forces."""
    _tell("gradient", gradient.run(graph, model.quantity))
    _tell("simplify", pass_simplify.run(graph))


def _tell(name: str, count: int) -> None:
    log.debug("pass %s: %d", name, count)

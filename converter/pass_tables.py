# SPDX-License-Identifier: LGPL-3.0-or-later
"""Replaces every embedding net by a table and a TabulateFusion node.

What reads a net tells which: the product with the transposed environment matrix (se_e2_a, and
se_atten where a gate stands between), the contraction with products of two neighbours (se_e3),
anything else after a ProdEnvMatR (se_e2_r).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError, UnsupportedModelError
from ..runtime.metadata import KeptPart
from ..runtime.report import NetReport
from .exact_grid import grid_of
from .graph import Builder, replace_everywhere
from .grids import TableOptions, reach
from .nets import EmbeddingNet, survey
from .shape_rules import shape_of
from .tables import Table, TableGrid, build_table, errors_between_knots


@dataclass(frozen=True)
class Plan:
    """The tables to be built: each net with its grid; and the sub-models that stay as they are."""

    items: list[tuple[EmbeddingNet, TableGrid]]
    kept: list[KeptPart] = field(default_factory=list)

    @property
    def nets(self) -> list[EmbeddingNet]:
        return [net for net, _ in self.items]

    @property
    def finest(self) -> float:
        """The smallest spacing of a first sub-table."""
        return min(grid.fine for _, grid in self.items)

    @property
    def nbytes(self) -> int:
        """Size of all tables."""
        return sum(g.n_rows * 6 * n.width * np.dtype(n.y.dtype).itemsize for n, g in self.items)


def plan(graph: gs.Graph, options: TableOptions) -> Plan:
    """What run() will build. UnsupportedModelError if there is nothing to tabulate."""
    nets, kept = survey(graph)
    if not nets:
        why = "; ".join(f"{k.name}: {k.reason}" for k in kept)
        raise UnsupportedModelError(
            f"nothing to compress: {why}; use dponnx convert, which needs no tables"
        )
    return Plan([(net, grid_of(net, options)) for net in nets], kept)


def run(
    graph: gs.Graph, plan: Plan, options: TableOptions, type_map: list[str], progress
) -> list[NetReport]:
    """One report a table. ConversionError if a net is not where a known descriptor has it."""
    reports = []
    for net, grid in progress.track(plan.items, "tables"):
        table = build_table(net, grid, net.y.dtype)
        _replace(graph, net, table, options)
        reports.append(_report(net, table, type_map))
    graph.cleanup().toposort()
    return sorted(reports, key=lambda r: r.name)


def _replace(graph: gs.Graph, net: EmbeddingNet, table: Table, options: TableOptions) -> None:
    grid, dtype = table.grid, net.y.dtype
    info = [grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse, options.frequency]
    op, inputs, old = _site(net)
    counts = {"n_fine": grid.n_fine, "n_coarse": grid.n_coarse}
    if grid.n_left:
        counts["n_left"] = grid.n_left
    build = Builder(graph, net.scope)
    result = build(
        op,
        gs.Constant(f"{net.name}/table", table.coef),
        gs.Constant(f"{net.name}/table_info", np.array(info, dtype=dtype)),
        *(x if isinstance(x, gs.Tensor) else build.reshape(*x) for x in inputs),
        last_layer_size=table.width,
        **counts,
    )
    for node in old.inputs:
        node.outputs.clear()
    replace_everywhere(graph, old, result)


def _site(net: EmbeddingNet) -> tuple[str, list, gs.Variable]:
    """The operator, its inputs after the table (a tensor, or a tensor and its new shape), and
    the tensor its output replaces."""
    reader = net.reader
    if net.env_mat.op == "ProdEnvMatR":
        (spread,) = (n.outputs[0] for n in net.y.outputs)  # (n, nnei, width)
        n, nnei, _ = shape_of(spread)
        return "TabulateFusionSeR", [(net.x, (n, nnei))], spread
    if reader.op == "MatMul" and _exchanged(reader.inputs[0]):
        em = reader.inputs[0].inputs[0].inputs[0]
        if len(shape_of(em)) == 3 and shape_of(em)[2] == 4:
            if net.gate is None:
                return "TabulateFusionSeA", [net.x, em], reader.outputs[0]
            each = (shape_of(net.x)[0],)
            more = [net.gate.rows, (net.gate.index, each)]
            more += [] if net.gate.scale is None else [(net.gate.scale, each)]
            return "TabulateFusionSeAtten", [net.x, em, *more], reader.outputs[0]
    if reader.op == "Einsum" and len(reader.inputs) == 2:
        em, letters = reader.inputs[0], reader.attrs["equation"].replace(" ", "")
        a, rest = letters.split(",")
        b, out = rest.split("->")
        if len(a) == 3 and b == a + b[-1] and out == a[0] + b[-1]:
            return "TabulateFusionSeT", [net.x, em], reader.outputs[0]
    raise ConversionError(
        f"{reader.name} ({reader.op}) reads the net {net.name}; expected the contraction of "
        "se_e2_a, se_atten, se_e2_r or se_e3 with the environment matrix"
    )


def _exchanged(t: gs.Tensor) -> bool:
    """Whether t is a transposed stack of matrices."""
    return (
        bool(t.inputs) and t.inputs[0].op == "Transpose" and t.inputs[0].attrs["perm"] == [0, 2, 1]
    )


def _report(net: EmbeddingNet, table: Table, type_map: list[str]) -> NetReport:
    grid = table.grid
    value, slope = errors_between_knots(net, table)
    center = "*" if net.center is None else type_map[net.center]
    return NetReport(
        name=net.name,
        types=f"{center}-{','.join(type_map[t] for t in net.neighbors) or '*'}",
        reach=reach(net, grid),
        lower=grid.lower,
        upper=grid.upper,
        maximum=grid.maximum,
        fine=grid.fine,
        coarse=grid.coarse,
        n_left=grid.n_left,
        n_fine=grid.n_fine,
        n_coarse=grid.n_coarse,
        width=table.width,
        bytes=table.coef.nbytes,
        max_error=value,
        max_slope_error=slope,
    )

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Replaces every embedding net by a table and a TabulateFusion node."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError, UnsupportedModelError
from ..runtime.report import NetReport
from .graph import Builder, replace_everywhere
from .nets import EmbeddingNet, find
from .shape_rules import shape_of
from .tables import Table, TableGrid, build_table, split_evenly

# The second sub-table is this many times coarser than the first (DeePMD-kit's choice).
COARSER = 10


@dataclass(frozen=True)
class TableOptions:
    """step: knot spacing of the first sub-table in units of the normalised input;
    extrapolate: the second one ends at this many times the first one's upper end;
    frequency: every so many evaluations inputs outside are counted, -1 never;
    min_nbor_dist: shortest distance of the training data (angstrom)."""

    step: float
    extrapolate: float
    frequency: int
    min_nbor_dist: float


def run(graph: gs.Graph, options: TableOptions, progress) -> list[NetReport]:
    """One report a table. ConversionError if a net is not where a se_e2_a model has it."""
    nets = find(graph)
    if not nets:
        raise UnsupportedModelError(
            "no embedding net found (no weights named filter_type_*/matrix_1_*); "
            "use dponnx convert, which needs none"
        )
    env_mat = next(n for n in graph.nodes if n.op == "ProdEnvMatA")
    reports = []
    for net in progress.track(nets, "tables"):
        grid = choose_grid(net, env_mat, options)
        table = build_table(net, grid, net.y.dtype)
        _replace(graph, net, table, options)
        reports.append(_report(net, table))
    graph.cleanup().toposort()
    return reports


def switched_inverse(r: float, rcut_smth: float, rcut: float) -> float:
    """s(r) = sw(r)/r of the smooth-edition descriptor (1/angstrom), r in angstrom."""
    u = min(max((r - rcut_smth) / (rcut - rcut_smth), 0.0), 1.0)
    return (u**3 * (-6 * u * u + 15 * u - 10) + 1) / r


def choose_grid(net: EmbeddingNet, env_mat: gs.Node, options: TableOptions) -> TableGrid:
    """Range and spacing of one net's table: DESIGN section 5, as DeePMD-kit chooses them."""
    sel = env_mat.attrs["sel_a"]
    davg, dstd = (np.asarray(t.values, dtype=np.float64) for t in env_mat.inputs[4:6])
    centers = range(davg.shape[0]) if net.center is None else [net.center]
    slots = 4 * np.arange(sum(sel[: net.neighbor]), sum(sel[: net.neighbor + 1]))
    avg, std = davg[centers][:, slots], dstd[centers][:, slots]
    s = switched_inverse(
        options.min_nbor_dist, env_mat.attrs["rcut_r_smth"], env_mat.attrs["rcut_r"]
    )
    lower = math.floor(np.min(-avg / std, initial=0.0))
    upper = max(math.ceil(np.max((s - avg) / std, initial=0.0)), lower + 1)
    maximum = max(options.extrapolate * upper, upper)
    dtype = net.y.dtype
    fine, n_fine = split_evenly(upper - lower, options.step, dtype)
    coarse, n_coarse = COARSER * options.step, 0
    if maximum > upper:
        coarse, n_coarse = split_evenly(maximum - upper, COARSER * options.step, dtype)
    return TableGrid(lower, upper, maximum, fine, coarse, n_fine, n_coarse)


def _replace(graph: gs.Graph, net: EmbeddingNet, table: Table, options: TableOptions) -> None:
    """MatMul(em^T, G(x)) becomes TabulateFusionSeA(table, table_info, x, em)."""
    product, grid = net.reader, table.grid
    transpose = product.inputs[0].inputs[0] if product.inputs[0].inputs else None
    if product.op != "MatMul" or transpose is None or transpose.attrs.get("perm") != [0, 2, 1]:
        raise ConversionError(
            f"{product.name} ({product.op}) reads the net {net.name}; "
            "expected the product of the transposed environment matrix with it"
        )
    em = transpose.inputs[0]
    if len(shape_of(em)) != 3 or shape_of(em)[2] != 4:
        raise ConversionError(f"{em.name} has shape {shape_of(em)}; expected (nloc, nnei, 4)")
    dtype = net.y.dtype
    info = [grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse, options.frequency]
    build = Builder(graph, net.scope)
    result = build(
        "TabulateFusionSeA",
        gs.Constant(f"{net.name}/table", table.coef),
        gs.Constant(f"{net.name}/table_info", np.array(info, dtype=dtype)),
        net.x,
        em,
        last_layer_size=table.width,
        n_fine=grid.n_fine,
        n_coarse=grid.n_coarse,
    )
    old = product.outputs[0]
    product.outputs.clear()
    replace_everywhere(graph, old, result)


def _report(net: EmbeddingNet, table: Table) -> NetReport:
    """Largest error of value and slope, measured between the knots of the first sub-table."""
    grid = table.grid
    left = grid.lower + grid.fine * np.arange(grid.n_fine)
    value_error = slope_error = 0.0
    for part in (0.25, 0.5, 0.75):
        at = left + part * grid.fine
        value, slope, _ = net(at)
        table_value, table_slope = table.evaluate(at)
        value_error = max(value_error, float(np.abs(table_value - value).max()))
        slope_error = max(slope_error, float(np.abs(table_slope - slope).max()))
    return NetReport(
        name=net.name, lower=grid.lower, upper=grid.upper, maximum=grid.maximum,
        fine=grid.fine, coarse=grid.coarse, n_left=grid.n_left, n_fine=grid.n_fine,
        n_coarse=grid.n_coarse, width=table.width, bytes=table.coef.nbytes,
        max_error=value_error, max_slope_error=slope_error,
    )

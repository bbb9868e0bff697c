# SPDX-License-Identifier: LGPL-3.0-or-later
"""The operators as functions of a worker and arrays, and inputs that reach their corners."""

from __future__ import annotations

import numpy as np
from dponnx.converter.tables import Table, TableGrid
from one_node import one_node

CUT = 1.0, 4.0  # rcut_smth, rcut: exact in float32


def env_mat(worker, frame, sel, threads=1, cut=CUT):
    coord, atype, nlist, davg, dstd = frame
    counts = [np.sum(atype[: len(nlist)] == t) for t in range(len(sel))]
    natoms = np.array([len(nlist), len(coord), *counts], np.int32)
    inputs = {"coord": coord, "atype": atype, "natoms": natoms, "nlist": nlist}
    inputs |= {"davg": davg, "dstd": dstd}
    outputs = ["descrpt", "descrpt_deriv", "rij", "nlist_out"]
    model = one_node(
        "ProdEnvMatA", inputs, outputs, rcut_a=-1.0, rcut_r=cut[1], rcut_r_smth=cut[0],
        sel_a=list(sel), sel_r=[0] * len(sel), out_types={"nlist_out": np.int32},
    )  # fmt: skip
    return worker.run(model, inputs, threads)


def force(worker, net_deriv, in_deriv, nlist, natoms, threads=1):
    inputs = {"net_deriv": net_deriv, "in_deriv": in_deriv, "nlist": np.asarray(nlist, np.int32)}
    inputs["natoms"] = np.array(natoms, np.int32)
    model = one_node("ProdForceSeA", inputs, ["force"], n_a_sel=nlist.shape[1], n_r_sel=0)
    return worker.run(model, inputs, threads)[0]


def virial(worker, derivs, rij, nlist, natoms, want=None, threads=1):
    inputs = {"net_deriv": derivs[0], "in_deriv": derivs[1], "rij": rij, "nlist": nlist}
    inputs["natoms"] = np.array(natoms, np.int32)
    if want is not None:
        inputs["want_atom_virial"] = np.array([want])
    names = ["virial", "atom_virial"]
    model = one_node("ProdVirialSeA", inputs, names, n_a_sel=nlist.shape[1], n_r_sel=0)
    return worker.run(model, inputs, threads)


def tabulate(worker, table, em_x, em, dy=None, threads=1, **changes):
    """The descriptor, or (dy_dem_x, dy_dem) if dy is given."""
    dtype, grid = em.dtype, table.grid
    info = [grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse, -1]
    constants = {"table": table.coef.astype(dtype), "table_info": np.array(info, dtype)}
    inputs = {"em_x": em_x.reshape(-1, 1), "em": em}
    op, outputs = "TabulateFusionSeA", ["descriptor"]
    if dy is not None:
        op, outputs = "TabulateFusionSeAGrad", ["dy_dem_x", "dy_dem"]
        inputs |= {"dy": dy, "descriptor": np.zeros_like(dy)}
    attributes = {"last_layer_size": table.width, "n_fine": grid.n_fine, "n_coarse": grid.n_coarse}
    model = one_node(op, inputs, outputs, constants=constants, **(attributes | changes))
    result = worker.run(model, inputs, threads)
    return result[0] if dy is None else result


def make_frame(dtype, nloc=30, nall=60, ntypes=2, sel=(20, 30), nnei_in=45, seed=0):
    """Random atoms in a box; each lists others in random order with -1 in between."""
    rng = np.random.default_rng(seed)
    coord = rng.uniform(0, 6, (nall, 3)).astype(dtype)
    atype = rng.integers(0, ntypes, nall).astype(np.int32)
    nlist = np.full((nloc, nnei_in), -1, np.int32)
    for i in range(nloc):
        others = np.delete(np.arange(nall), i)
        n = min(len(others), nnei_in * 3 // 4)
        places = rng.permutation(nnei_in)[:n]
        nlist[i, places] = rng.permutation(others)[:n]
    davg = rng.normal(0, 0.1, (ntypes, 4 * sum(sel))).astype(dtype)
    dstd = rng.uniform(0.5, 2, (ntypes, 4 * sum(sel))).astype(dtype)
    return coord, atype, nlist, davg, dstd


def make_scatter(dtype, nloc, nall, nnei, seed=3):
    rng = np.random.default_rng(seed)
    nlist = rng.integers(-1, nall, (nloc, nnei)).astype(np.int32)
    net, deriv, rij = (rng.normal(size=(nloc, k * nnei)).astype(dtype) for k in (4, 12, 3))
    return (net, deriv), rij, nlist, [nloc, nall, nloc]


GRID = TableGrid(lower=-1.0, upper=2.0, maximum=6.0, fine=0.125, coarse=1.0, n_fine=24, n_coarse=4)


def make_table(width, seed=0, grid=GRID):
    """Random coefficients, exact in float32: each row jumps at its knot, so a wrong row shows."""
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(grid.n_rows, 6 * width)).astype(np.float32).astype(float)
    return Table(grid, coef)


def make_em(dtype, n, nnei, low=-1.0, high=6.0, seed=1):
    rng = np.random.default_rng(seed)
    em_x = rng.uniform(low, high, n * nnei).astype(dtype)
    return em_x, rng.normal(size=(n, nnei, 4)).astype(dtype)

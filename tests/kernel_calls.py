# SPDX-License-Identifier: LGPL-3.0-or-later
"""The operators as functions of a worker and arrays, and inputs that reach their corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from dponnx.converter.tables import Table, TableGrid
from one_node import one_node

CUT = 1.0, 4.0  # rcut_smth, rcut: exact in float32


def env_mat(worker, frame, sel, threads=1, cut=CUT, kind="A", count=False):
    """The four outputs of ProdEnvMat{kind}, six of AMix; with count also sel_overflow."""
    coord, atype, nlist, davg, dstd = frame
    counts = [np.sum(atype[: len(nlist)] == t) for t in range(len(davg))]
    natoms = np.array([len(nlist), len(coord), *counts], np.int32)
    inputs = {"coord": coord, "atype": atype, "natoms": natoms, "nlist": nlist}
    inputs |= {"davg": davg, "dstd": dstd}
    outputs = ["descrpt", "descrpt_deriv", "rij", "nlist_out"]
    outputs += ["ntype", "nmask"] * (kind == "AMix") + ["sel_overflow"] * count
    if kind != "R":
        attributes = {"rcut_a": -1.0, "rcut_r": cut[1], "rcut_r_smth": cut[0]}
        attributes |= {"sel_a": list(sel), "sel_r": [0] * len(sel)}
    else:
        attributes = {"rcut": cut[1], "rcut_smth": cut[0], "sel": list(sel)}
    types = {"nlist_out": np.int32, "ntype": np.int32, "nmask": bool, "sel_overflow": np.int64}
    model = one_node(f"ProdEnvMat{kind}", inputs, outputs, out_types=types, **attributes)
    return worker.run(model, inputs, threads)


def _sizes(kind, nlist):
    return {"n_a_sel": nlist.shape[1], "n_r_sel": 0} if kind == "A" else {}


def force(worker, net_deriv, in_deriv, nlist, natoms, threads=1, kind="A"):
    inputs = {"net_deriv": net_deriv, "in_deriv": in_deriv, "nlist": np.asarray(nlist, np.int32)}
    inputs["natoms"] = np.array(natoms, np.int32)
    model = one_node(f"ProdForceSe{kind}", inputs, ["force"], **_sizes(kind, nlist))
    return worker.run(model, inputs, threads)[0]


def virial(worker, derivs, rij, nlist, natoms, want=None, threads=1, kind="A"):
    inputs = {"net_deriv": derivs[0], "in_deriv": derivs[1], "rij": rij, "nlist": nlist}
    inputs["natoms"] = np.array(natoms, np.int32)
    if want is not None:
        inputs["want_atom_virial"] = np.array([want])
    names = ["virial", "atom_virial"]
    model = one_node(f"ProdVirialSe{kind}", inputs, names, **_sizes(kind, nlist))
    return worker.run(model, inputs, threads)


def tabulate(worker, table, em_x, em, dy=None, threads=1, kind="A", gates=None, **changes):
    """The descriptor; if dy is given [dy_dem_x, dy_dem], in se_e2_r [dy_dem], in se_atten also
    dy_dscale. R takes no em_x; Atten also takes gates: two_embed, two_index, two_scale."""
    dtype = em.dtype
    op, inputs, outputs = f"TabulateFusionSe{kind}", {"em": em}, ["descriptor"]
    if kind != "R":
        inputs = {"em_x": em_x.reshape(-1, 1), "em": em}
    order = list(inputs)
    constants = table_of(table, dtype)["constants"]
    if gates is not None:
        constants["two_embed"], inputs["two_index"], inputs["two_scale"] = gates
        order += ["two_embed", "two_index"]
    if dy is not None:
        op, outputs = f"{op}Grad", ["dy_dem_x"] * (kind != "R") + ["dy_dem"]
        outputs += ["dy_dscale"] * (kind == "Atten")
        inputs |= {"dy": dy, "descriptor": np.zeros_like(dy)}
        order += ["dy", "descriptor"]
    order = ["table", "table_info", *order, *["two_scale"] * (kind == "Atten")]
    attributes = grid_of(table) | changes
    model = one_node(op, inputs, outputs, constants, order=order, **attributes)
    result = worker.run(model, inputs, threads)
    return result[0] if dy is None else result


def table_of(table, dtype, frequency=-1):
    """The constants of a tabulation."""
    grid = table.grid
    info = [grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse, frequency]
    return {"constants": {"table": table.coef.astype(dtype), "table_info": np.array(info, dtype)}}


def grid_of(table):
    """The attributes of a tabulation; n_left only where it is needed."""
    grid = table.grid
    rows = {"last_layer_size": table.width, "n_fine": grid.n_fine, "n_coarse": grid.n_coarse}
    return rows | ({"n_left": grid.n_left} if grid.n_left else {})


def make_frame(dtype, nloc=30, nall=60, ntypes=2, sel=(20, 30), nnei_in=45, seed=0, columns=4):
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
    davg = rng.normal(0, 0.1, (ntypes, columns * sum(sel))).astype(dtype)
    dstd = rng.uniform(0.5, 2, (ntypes, columns * sum(sel))).astype(dtype)
    return coord, atype, nlist, davg, dstd


def make_scatter(dtype, nloc, nall, nnei, seed=3, columns=4):
    rng = np.random.default_rng(seed)
    nlist = rng.integers(-1, nall, (nloc, nnei)).astype(np.int32)
    net, deriv, rij = (
        rng.normal(size=(nloc, k * nnei)).astype(dtype) for k in (columns, 3 * columns, 3)
    )
    return (net, deriv), rij, nlist, [nloc, nall, nloc]


GRID = TableGrid(lower=-1.0, upper=2.0, maximum=6.0, fine=0.125, coarse=1.0, n_fine=24, n_coarse=4)
# With coarse rows on the left, as in se_e3.
BOTH_SIDES = replace(GRID, n_left=5)


def make_table(width, seed=0, grid=GRID):
    """Random coefficients, exact in float32: each row jumps at its knot, so a wrong row shows."""
    rng = np.random.default_rng(seed)
    coef = rng.normal(size=(grid.n_rows, 6 * width)).astype(np.float32).astype(float)
    return Table(grid, coef)


def make_em(dtype, n, nnei, low=-1.0, high=6.0, seed=1, kind="A"):
    """em_x (n nnei), em; in se_e3 nnei = (ni, nj); in se_e2_r em_x is em."""
    rng = np.random.default_rng(seed)
    em_x = rng.uniform(low, high, n * int(np.prod(nnei))).astype(dtype)
    if kind == "R":
        return em_x, em_x.reshape(n, nnei)
    shape = (n, *nnei) if kind == "T" else (n, nnei, 4)
    return em_x, rng.normal(size=shape).astype(dtype)


def make_gates(em, width, seed=4):
    """two_embed (9, width), two_index and two_scale of each neighbour of em (n, nnei, 4)."""
    rng, m = np.random.default_rng(seed), len(em) * em.shape[1]
    rows, scale = rng.normal(size=(9, width)), rng.uniform(0, 1, m)
    return rows.astype(em.dtype), rng.integers(0, 9, m).astype(np.int32), scale.astype(em.dtype)

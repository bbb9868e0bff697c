# SPDX-License-Identifier: LGPL-3.0-or-later
"""Plain NumPy float64 reference of the operators: same names, same meaning, no speed.

The table's formulas are those of dponnx.converter.tables. The environment matrix is derived
here in another way than in the kernels: row_c = q(r) d_c with q = sw/r^2 and its chain rule.
"""

from __future__ import annotations

import numpy as np
from dponnx.converter.tables import Table


def switch(r, rcut_smth, rcut):
    """sw(r) and dsw/dr."""
    u = np.clip((r - rcut_smth) / (rcut - rcut_smth), 0.0, 1.0)
    sw = 1 - 10 * u**3 + 15 * u**4 - 6 * u**5
    dsw = (-30 * u**2 + 60 * u**3 - 30 * u**4) / (rcut - rcut_smth)
    return sw, dsw


def slots_of(i, coord, atype, nlist, rcut, sel):
    """Neighbours of atom i in their slots (nnei,), -1 where empty."""
    slots = np.full(sum(sel), -1, np.int32)
    if atype[i] < 0:
        return slots
    real = [j for j in nlist[i] if j >= 0 and atype[j] >= 0]
    r = {j: np.linalg.norm(coord[j] - coord[i]) for j in real}
    start = 0
    for t, n in enumerate(sel):
        mine = [j for j in real if atype[j] == t and r[j] < rcut]
        if len(mine) > n:
            mine = sorted(mine, key=lambda j: (r[j], j))[:n]
        slots[start : start + len(mine)] = mine
        start += n
    return slots


# of the environment matrix in se_e2_a, se_atten and se_e2_r
COLUMNS = {"A": 4, "AMix": 4, "R": 1}


def env_mat(kind, coord, atype, nlist, stats, cut, sel):
    """descrpt, descrpt_deriv, rij, nlist of ProdEnvMat{kind}; of AMix also ntype and nmask.

    stats = davg, dstd; cut = rcut_smth, rcut.
    """
    columns = COLUMNS[kind]
    group = np.minimum(atype, 0) if kind == "AMix" else atype  # which slots an atom goes to
    coord = np.asarray(coord, float)
    davg, dstd = (np.asarray(s, float) for s in stats)
    nloc, nnei = len(nlist), sum(sel)
    rows, deriv = np.zeros((nloc, nnei, columns)), np.zeros((nloc, nnei, columns, 3))
    rij, slots = np.zeros((nloc, nnei, 3)), np.full((nloc, nnei), -1, np.int32)
    for i in range(nloc):
        slots[i] = slots_of(i, coord, group, nlist, cut[1], sel)
        if atype[i] < 0:
            continue
        for s in np.flatnonzero(slots[i] >= 0):
            d = rij[i, s] = coord[slots[i, s]] - coord[i]
            r = np.linalg.norm(d)
            sw, dsw = switch(r, *cut)
            q, dq = sw / r**2, dsw / r**2 - 2 * sw / r**3
            radial = -(dsw / r - sw / r**2) * d / r
            vector = -(dq / r * np.outer(d, d) + q * np.eye(3))
            rows[i, s] = np.append(sw / r, q * d)[:columns]
            deriv[i, s] = np.vstack([radial, vector])[:columns]
        avg, std = (a[atype[i]].reshape(nnei, columns) for a in (davg, dstd))
        rows[i] = (rows[i] - avg) / std
        deriv[i] /= std[:, :, None]
    flat = (a.reshape(nloc, nnei * k) for a, k in ((rows, columns), (deriv, 3 * columns), (rij, 3)))
    if kind != "AMix":
        return *flat, slots
    nmask = slots >= 0
    return *flat, slots, np.where(nmask, atype[slots], len(davg)).astype(np.int32), nmask


def sel_overflow_mixed(coord, atype, nlist, rcut, n, ntypes):
    """Per type, the most neighbours of one atom that n slots for all types have no room for."""
    most = np.zeros(ntypes, int)
    group = np.minimum(atype, 0)
    for i in np.flatnonzero(atype[: len(nlist)] >= 0):
        found = [slots_of(i, coord, group, nlist, rcut, [k]) for k in (len(nlist[i]), n)]
        near, kept = (np.bincount(atype[s[s >= 0]], minlength=ntypes) for s in found)
        most = np.maximum(most, near - kept)
    return most


def sel_overflow(coord, atype, nlist, rcut, sel):
    """Per neighbour type, by how many the fullest atom's neighbours exceed sel: int64 (ntypes,)."""
    most = np.zeros(len(sel), int)
    for i in np.flatnonzero(atype[: len(nlist)] >= 0):
        near = slots_of(i, coord, atype, nlist, rcut, [len(nlist[i])] * len(sel))
        found = np.bincount(atype[near[near >= 0]], minlength=len(sel))
        most = np.maximum(most, found - sel)
    return most


def pair_forces(net_deriv, in_deriv, nlist):
    """Force on every neighbour through its own row: (nloc, nnei, 3), 0 on empty slots."""
    shape = nlist.shape
    columns = net_deriv.shape[1] // max(shape[1], 1)  # 4 in se_e2_a, 1 in se_e2_r
    f = np.einsum(
        "isc,isck->isk",
        np.asarray(net_deriv, float).reshape(*shape, columns),
        np.asarray(in_deriv, float).reshape(*shape, columns, 3),
    )
    return np.where(nlist[:, :, None] >= 0, f, 0.0)


def prod_force(net_deriv, in_deriv, nlist, natoms):
    """force (nall, 3)."""
    f = pair_forces(net_deriv, in_deriv, nlist)
    force = np.zeros((natoms[1], 3))
    force[: natoms[0]] -= f.sum(axis=1)
    np.add.at(force, nlist[nlist >= 0], f[nlist >= 0])
    return force


def prod_virial(net_deriv, in_deriv, rij, nlist, natoms):
    """virial (9,), atom_virial (nall, 9) on the neighbour."""
    f = pair_forces(net_deriv, in_deriv, nlist)
    v = np.einsum("isa,isb->isab", f, np.asarray(rij, float).reshape(*nlist.shape, 3))
    atom_virial = np.zeros((natoms[1], 9))
    np.add.at(atom_virial, nlist[nlist >= 0], v[nlist >= 0].reshape(-1, 9))
    return v.sum(axis=(0, 1)).reshape(9), atom_virial


def tabulate(kind, table: Table, em_x, em, gates=None):
    """TabulateFusionSe{kind}: the descriptor.

    A  sum_j em[i, j, :] (outer) G(em_x[i, j]): (n, 4, width), em (n, nnei, 4)
    Atten  the same with G (1 + gate), gate = scale * rows[index], gates = rows, index, scale
    R  G(em[i, j]): (n, nnei, width), em (n, nnei)
    T  sum_jk em[i, j, k] G(em_x[i, j, k]): (n, width), em (n, ni, nj)
    The inputs keep their precision: at a knot, that decides the row.
    """
    value, _ = _evaluate(kind, table, em_x, em)
    em = np.asarray(em, float)
    if kind == "R":
        return value
    if kind == "Atten":
        value = value * (1 + _gate(gates, value.shape)[1])
    return np.einsum("ijk,ijko->io" if kind == "T" else "ijc,ijo->ico", em, value)


def tabulate_grad(kind, table: Table, em_x, em, dy, gates=None):
    """TabulateFusionSe{kind}Grad: dy_dem_x (n nnei, 1) unless R, dy_dem shaped as em; of Atten
    also dy_dscale (n nnei,)."""
    value, slope = _evaluate(kind, table, em_x, em)
    em, dy = np.asarray(em, float), np.asarray(dy, float)
    if kind == "Atten":
        rows, gate = _gate(gates, value.shape)
        gain = 1 + gate
        dem_x = np.einsum("ijc,ico,ijo->ij", em, dy, slope * gain)
        dem = np.einsum("ico,ijo->ijc", dy, value * gain)
        dscale = np.einsum("ijc,ico,ijo->ij", em, dy, value * rows)
        return [dem_x.reshape(-1, 1), dem, dscale.ravel()]
    if kind == "R":
        return [np.einsum("ijo,ijo->ij", dy, slope)]
    if kind == "A":
        dem_x = np.einsum("ijc,ico,ijo->ij", em, dy, slope)
        return [dem_x.reshape(-1, 1), np.einsum("ico,ijo->ijc", dy, value)]
    dem_x = em * np.einsum("io,ijko->ijk", dy, slope)
    return [dem_x.reshape(-1, 1), np.einsum("io,ijko->ijk", dy, value)]


def _gate(gates, shape):
    """The chosen rows, and the gates, of every neighbour: (n, nnei, width)."""
    rows, index, scale = gates
    chosen = np.asarray(rows, float)[index].reshape(shape)
    return chosen, chosen * np.asarray(scale, float).reshape(*shape[:2], 1)


def _evaluate(kind, table, em_x, em):
    """Value and slope of every entry: (*entries, width)."""
    entries = em.shape[:2] if kind in ("A", "Atten") else em.shape
    value, slope = table.evaluate(np.ravel(em if kind == "R" else em_x))
    return value.reshape(*entries, table.width), slope.reshape(*entries, table.width)


def overflow(grid, x):
    """How many x lie in the coarse sub-tables, and outside all: (2,).

    A thousandth of a stride around the table is inside: padding lies at its end but for rounding.
    """
    slack = grid.fine / 1024
    outside = (x < grid.minimum - slack) | (x > grid.maximum + slack) | np.isnan(x)
    fine = ((x >= grid.lower) | (grid.n_left == 0)) & ((x < grid.upper) | (grid.n_coarse == 0))
    return np.array([np.sum(~outside & ~fine), np.sum(outside)])

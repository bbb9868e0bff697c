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


def env_mat_a(coord, atype, nlist, stats, cut, sel):
    """descrpt, descrpt_deriv, rij, nlist of ProdEnvMatA.

    stats = davg, dstd; cut = rcut_smth, rcut.
    """
    coord = np.asarray(coord, float)
    davg, dstd = (np.asarray(s, float) for s in stats)
    nloc, nnei = len(nlist), sum(sel)
    rows, deriv = np.zeros((nloc, nnei, 4)), np.zeros((nloc, nnei, 4, 3))
    rij, slots = np.zeros((nloc, nnei, 3)), np.full((nloc, nnei), -1, np.int32)
    for i in range(nloc):
        slots[i] = slots_of(i, coord, atype, nlist, cut[1], sel)
        if atype[i] < 0:
            continue
        for s in np.flatnonzero(slots[i] >= 0):
            d = rij[i, s] = coord[slots[i, s]] - coord[i]
            r = np.linalg.norm(d)
            sw, dsw = switch(r, *cut)
            q, dq = sw / r**2, dsw / r**2 - 2 * sw / r**3
            rows[i, s] = sw / r, *(q * d)
            deriv[i, s, 0] = -(dsw / r - sw / r**2) * d / r
            deriv[i, s, 1:] = -(dq / r * np.outer(d, d) + q * np.eye(3))
        avg, std = (a[atype[i]].reshape(nnei, 4) for a in (davg, dstd))
        rows[i] = (rows[i] - avg) / std
        deriv[i] /= std[:, :, None]
    flat = (a.reshape(nloc, nnei * k) for a, k in ((rows, 4), (deriv, 12), (rij, 3)))
    return *flat, slots


def pair_forces(net_deriv, in_deriv, nlist):
    """Force on every neighbour through its own row: (nloc, nnei, 3), 0 on empty slots."""
    shape = nlist.shape
    f = np.einsum(
        "isc,isck->isk",
        np.asarray(net_deriv, float).reshape(*shape, 4),
        np.asarray(in_deriv, float).reshape(*shape, 4, 3),
    )
    return np.where(nlist[:, :, None] >= 0, f, 0.0)


def prod_force_se_a(net_deriv, in_deriv, nlist, natoms):
    """force (nall, 3)."""
    f = pair_forces(net_deriv, in_deriv, nlist)
    force = np.zeros((natoms[1], 3))
    force[: natoms[0]] -= f.sum(axis=1)
    np.add.at(force, nlist[nlist >= 0], f[nlist >= 0])
    return force


def prod_virial_se_a(net_deriv, in_deriv, rij, nlist, natoms):
    """virial (9,), atom_virial (nall, 9) on the neighbour."""
    f = pair_forces(net_deriv, in_deriv, nlist)
    v = np.einsum("isa,isb->isab", f, np.asarray(rij, float).reshape(*nlist.shape, 3))
    atom_virial = np.zeros((natoms[1], 9))
    np.add.at(atom_virial, nlist[nlist >= 0], v[nlist >= 0].reshape(-1, 9))
    return v.sum(axis=(0, 1)).reshape(9), atom_virial


def tabulate_fusion_se_a(table: Table, em_x, em):
    """sum_j em[i, j, :] (outer) G(em_x[i, j]): (n, 4, width).

    em_x keeps its precision: at a knot, that decides the row.
    """
    value, _ = table.evaluate(np.ravel(em_x))
    return np.einsum(
        "ijc,ijo->ico", np.asarray(em, float), value.reshape(*em.shape[:2], table.width)
    )


def tabulate_fusion_se_a_grad(table: Table, em_x, em, dy):
    """dy_dem_x (n nnei, 1), dy_dem (n, nnei, 4)."""
    value, slope = table.evaluate(np.ravel(em_x))
    value, slope = (g.reshape(*em.shape[:2], table.width) for g in (value, slope))
    dy = np.asarray(dy, float)
    dem = np.einsum("ico,ijo->ijc", dy, value)
    dem_x = np.einsum("ijc,ico,ijo->ij", np.asarray(em, float), dy, slope)
    return dem_x.reshape(-1, 1), dem

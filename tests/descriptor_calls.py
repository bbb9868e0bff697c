# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fused descriptors as functions of a worker, and the same from the oracle's plain operators."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import oracle
from dponnx.converter.tables import Table
from kernel_calls import CUT, make_frame
from one_node import one_node

COLUMNS = {"A": 4, "R": 1, "T": 4}


@dataclass(frozen=True)
class Case:
    """A frame and a descriptor: davg, dstd of each pair of types; pairs[centre, neighbour, ...] is
    the number of a table or -1; scale: one factor a table."""

    kind: str
    coord: np.ndarray
    atype: np.ndarray
    nlist: np.ndarray
    sel: tuple[int, ...]
    davg: np.ndarray
    dstd: np.ndarray
    tables: list[Table]
    pairs: np.ndarray
    scale: np.ndarray

    @property
    def natoms(self) -> np.ndarray:
        counts = [np.sum(self.atype[: len(self.nlist)] == t) for t in range(len(self.sel))]
        return np.array([len(self.nlist), len(self.coord), *counts], np.int32)

    @property
    def shape(self) -> tuple[int, ...]:
        inner = (4,) if self.kind == "A" else ()
        return (len(self.nlist), *inner, self.tables[0].width)


def make_case(kind: str, sel, tables: list[Table], dtype, seed: int = 0, **frame) -> Case:
    """Two types whose pairs have tables 0, 1, ... and -1 in turn (se_e3: one of (0, 1), (1, 0))."""
    coord, atype, nlist, *_ = make_frame(dtype, sel=sel, seed=seed, **frame)
    rng, n = np.random.default_rng(seed + 1), len(sel)
    columns = COLUMNS[kind]
    davg = rng.normal(0, 0.1, (n, n, columns)).astype(dtype)
    if kind == "T":
        davg[..., 1:] = 0
    dstd = rng.uniform(0.5, 2, (n, n, columns)).astype(dtype)
    if kind == "T":
        pairs = np.full((n, n, n), -1)
        for c, (a, b) in product(range(n), ((0, 0), (0, 1), (1, 1))):
            pairs[c, a, b] = (3 * c + a + b) % (len(tables) + 1) - 1
    else:
        pairs = np.arange(n * n).reshape(n, n) % (len(tables) + 1) - 1
    scale = rng.uniform(0.5, 1.5, len(tables))
    return Case(kind, coord, atype, nlist, sel, davg, dstd, tables, pairs, scale)


def fused(
    worker,
    case: Case,
    dy=None,
    dtype=None,
    *,
    threads=1,
    want=None,
    overflow=None,
    evaluation=None,
    more=(),
):
    """The descriptor; with dy force, virial, atom_virial. dtype: of the tables, default the
    coordinates'. overflow: check frequency, then also table_overflow and sel_overflow.
    evaluation: that input. more: changes of the node's attributes."""
    real, dtype = case.coord.dtype, dtype or case.coord.dtype
    inputs = {"coord": case.coord, "atype": case.atype, "natoms": case.natoms, "nlist": case.nlist}
    grids = [t.grid for t in case.tables]
    info = [[g.lower, g.upper, g.maximum, g.fine, g.coarse, overflow or -1] for g in grids]
    constants = {
        "davg": case.davg,
        "dstd": case.dstd,
        "table": np.concatenate([t.coef for t in case.tables]).astype(dtype),
        "table_info": np.array(info, dtype),
        "scale": case.scale.astype(dtype),
    }
    attributes = {"rcut_smth": CUT[0], "rcut": CUT[1], "sel": list(case.sel)}
    attributes |= {"pairs": case.pairs.ravel().tolist(), "last_layer_size": case.tables[0].width}
    attributes |= {k: [getattr(g, k) for g in grids] for k in ("n_left", "n_fine", "n_coarse")}
    op, outputs, types = f"DescriptorSe{case.kind}", ["descriptor"], {"descriptor": dtype}
    if overflow is not None:
        outputs += ["table_overflow", "sel_overflow"]
        types |= dict.fromkeys(outputs[1:], np.int64)
    after = {} if evaluation is None else {"evaluation": np.array([evaluation], np.int64)}
    if dy is not None:
        op, outputs = f"{op}Grad", ["force", "virial", "atom_virial"]
        types = dict.fromkeys(outputs, real)
        after = {"dy": dy.astype(dtype)}
        if want is not None:
            after["want_atom_virial"] = np.array([want])
    model = one_node(
        op, inputs, outputs, constants, types, after=after, **(attributes | dict(more))
    )
    result = worker.run(model, inputs | after, threads)
    return result if dy is not None or overflow is not None else result[0]


def plain(case: Case, dy=None):
    """The oracle's answer by way of the environment matrix of all slots."""
    rows, deriv, rij, slots = environment(case)
    value = np.zeros(case.shape)
    net = np.zeros(rows.shape)
    begin = np.cumsum([0, *case.sel])
    for i in np.flatnonzero(case.atype[: len(case.nlist)] >= 0):
        types = [range(len(case.sel))] * (2 if case.kind == "T" else 1)
        for of in product(*types):
            number = case.pairs[(case.atype[i], *of)]
            if number < 0:
                continue
            at = [slice(begin[t], begin[t + 1]) for t in of]
            one, grads = _share(
                case, number, [rows[i, s] for s in at], None if dy is None else dy[i]
            )
            value[i] += one
            for s, grad in zip(at, grads, strict=False):
                net[i, s] += grad
    if dy is None:
        return value
    n = len(case.nlist)
    flat = net.reshape(n, net[0].size if n else 0), deriv
    force = oracle.prod_force(*flat, slots, case.natoms)
    return force, *oracle.prod_virial(*flat, rij, slots, case.natoms)


def environment(case: Case):
    """Rows (n, nnei, C) in the precision of the coordinates' type, derivatives, rij, slots."""
    n, columns = len(case.nlist), COLUMNS[case.kind]
    stats = [np.repeat(s, case.sel, axis=1) for s in (case.davg, case.dstd)]
    stats = [s.reshape(len(s), sum(case.sel) * columns) for s in stats]
    kind = "R" if columns == 1 else "A"
    rows, deriv, rij, slots = oracle.env_mat(
        kind, case.coord, case.atype, case.nlist, stats, CUT, case.sel
    )
    return rows.reshape(n, sum(case.sel), columns), deriv, rij, slots


def _share(case: Case, number: int, rows: list[np.ndarray], dy):
    """One table's share of one atom, and of dy the gradient by the rows."""
    table, scale, kind = case.tables[number], case.scale[number], case.kind
    if kind == "T":
        x = rows[0][None, :, 1:] @ rows[1][None, :, 1:].transpose(0, 2, 1)  # (1, n_a, n_b)
    else:
        x = rows[0][None, :, 0]
    em = rows[0][None] if kind == "A" else x
    value = oracle.tabulate(kind, table, x, em)[0]
    if kind == "R":
        value = value.sum(axis=0)
    if dy is None:
        return scale * value, []
    spread = np.broadcast_to(dy, (x.shape[1], dy.shape[-1])) if kind == "R" else dy
    by_x, *by_em = oracle.tabulate_grad(kind, table, x, em, spread[None])
    if kind == "R":
        return scale * value, [scale * by_x[0][:, None]]
    if kind == "A":
        grad = by_em[0][0].copy()
        grad[:, 0] += by_x.reshape(-1)
        return scale * value, [scale * grad]
    total = scale * (by_x.reshape(x.shape) + by_em[0])[0]
    grads = [np.zeros_like(r) for r in rows]
    grads[0][:, 1:] = total @ rows[1][:, 1:]
    grads[1][:, 1:] = total.T @ rows[0][:, 1:]
    return scale * value, grads

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do our operators give the numbers of DeePMD-kit's own TF operators on a periodic box of water?"""

from __future__ import annotations

import numpy as np
import pytest
import tolerances
from dponnx.converter.tables import TableGrid
from kernel_calls import env_mat, force, make_em, make_table, tabulate, virial

CUT = 0.5, 6.0
SELS = [(46, 92), (20, 30)]  # room for all; an overflow in both types


@pytest.fixture(scope="module")
def tf_ops():
    """name(**inputs) -> arrays, by DeePMD-kit's TF library."""
    pytest.importorskip("deepmd.tf.env", reason="deepmd-kit with TensorFlow is not installed")
    import tensorflow as tf
    from deepmd.tf.env import op_module

    def call(name, **inputs):
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            return session.run(getattr(op_module, name)(**inputs))

    return call


@pytest.fixture(scope="module")
def box(shared):
    """One frame of data_0 sorted by type, wrapped: coordinates, types, box vectors."""
    folder = shared / "data" / "data_0"
    atype = np.loadtxt(folder / "type.raw", dtype=np.int32)
    order = np.argsort(atype, kind="stable")
    coord = np.load(folder / "set.000" / "coord.npy")[0].reshape(-1, 3).astype(float)
    cell = np.load(folder / "set.000" / "box.npy")[0].reshape(3, 3).astype(float)
    return (coord @ np.linalg.inv(cell) % 1.0 @ cell)[order], atype[order], cell


def with_ghosts(coord, atype, cell):
    """Coordinates, types and owners of the box and its 26 images, and every atom in every list."""
    grid = np.array(list(np.ndindex(3, 3, 3))) - 1
    shifts = grid[np.argsort(np.abs(grid).sum(axis=1), kind="stable")]  # (0, 0, 0) first
    images = coord[None] + (shifts @ cell)[:, None]
    near = np.full((len(coord), 400), -1, np.int32)
    everyone = images.reshape(-1, 3)
    for i, x in enumerate(coord):
        found = np.flatnonzero(np.linalg.norm(everyone - x, axis=1) < CUT[1] + 1)
        found = found[found != i]
        near[i, : len(found)] = found[::-1]
    owner = np.tile(np.arange(len(coord)), len(shifts))
    return everyone, atype[owner], owner, near


@pytest.mark.parametrize("kind", ["A", "R"])
@pytest.mark.parametrize("sel", SELS, ids=["room", "overflow"])
def test_same_numbers_as_deepmd(worker, tf_ops, box, sel, kind):
    coord, atype, cell = box
    everyone, types, owner, near = with_ghosts(coord, atype, cell)
    n, nnei, columns = len(coord), sum(sel), {"A": 4, "R": 1}[kind]
    davg = np.tile([0.1, 0.0, 0.0, 0.0][:columns], (2, nnei))
    dstd = np.tile([0.15, 0.09, 0.09, 0.09][:columns], (2, nnei))
    ours = env_mat(worker, (everyone, types, near, davg, dstd), sel, cut=CUT, kind=kind)
    counts = [n, n, *np.bincount(atype, minlength=2)]
    if kind == "A":
        attributes = {"rcut_a": -1.0, "rcut_r": CUT[1], "rcut_r_smth": CUT[0]}
        attributes |= {"sel_a": list(sel), "sel_r": [0, 0]}
    else:
        attributes = {"rcut": CUT[1], "rcut_smth": CUT[0], "sel": list(sel)}
    theirs = tf_ops(
        f"prod_env_mat_{kind.lower()}", coord=coord.reshape(1, -1), type=atype[None],
        natoms=np.int32(counts), box=cell.reshape(1, 9), mesh=np.int32([0, 0, 0, 2, 2, 2]),
        davg=davg, dstd=dstd, **attributes,
    )  # fmt: skip
    # DeePMD-kit's blocks are sorted by distance: bring ours into that order.
    descrpt, deriv, rij, nlist = (a.reshape(n, nnei, -1) for a in ours)
    nlist = nlist[..., 0]
    r = np.where(nlist < 0, np.inf, np.linalg.norm(rij, axis=2))
    block = np.repeat(np.arange(2), sel)
    order = np.lexsort((r, np.broadcast_to(block, r.shape)), axis=1)
    mine = np.where(nlist < 0, -1, owner[nlist])
    np.testing.assert_array_equal(np.take_along_axis(mine, order, 1), theirs[3].reshape(n, nnei))
    for a, b in zip((descrpt, deriv, rij), theirs[:3], strict=True):
        sorted_a = np.take_along_axis(a, order[..., None], 1)
        np.testing.assert_allclose(sorted_a, b.reshape(sorted_a.shape), **tolerances.DEEPMD)

    natoms = [n, len(everyone), *counts[2:]]
    net = np.random.default_rng(0).normal(size=(n, columns * nnei))
    flat = {"net_deriv": net, "in_deriv": ours[1], "nlist": ours[3]}
    flat = {k: v.reshape(1, -1) for k, v in flat.items()} | {"natoms": np.int32(natoms)}
    flat |= {"n_a_sel": nnei, "n_r_sel": 0} if kind == "A" else {}
    f = tf_ops(f"prod_force_se_{kind.lower()}", **flat).reshape(-1, 3)
    found = force(worker, net, ours[1], ours[3], natoms, kind=kind)
    np.testing.assert_allclose(found, f, **tolerances.DEEPMD)
    v, atomic = tf_ops(f"prod_virial_se_{kind.lower()}", **flat, rij=ours[2].reshape(1, -1))
    total, per_atom = virial(worker, (net, ours[1]), ours[2], ours[3], natoms, kind=kind)
    np.testing.assert_allclose(per_atom, atomic.reshape(-1, 9), **tolerances.DEEPMD)
    np.testing.assert_allclose(total, v[0], **tolerances.DEEPMD_SUM)


@pytest.mark.parametrize("kind", ["A", "R"])
def test_same_tabulation_as_deepmd(worker, tf_ops, kind):
    """Strides of powers of two, where DeePMD-kit finds the right row; not its se_e3 operator, whose
    rows are off by one at the joints (tests/test_tabulation.py has that one's gradient)."""
    grid = TableGrid(-1.0, 2.0, 6.0, 1 / 64, 1 / 4, 192, 16)
    table = make_table(20, grid=grid)
    em_x, em = make_em(np.float64, 50, 30, -1.0, 5.9, kind=kind)
    name, shape = f"tabulate_fusion_se_{kind.lower()}", {"A": (50, 4, 20), "R": (50, 30, 20)}[kind]
    info = np.array([grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse, -1])
    inputs = {"table": table.coef, "table_info": info, "em": em}
    inputs |= {"em_x": em_x.reshape(-1, 1)} if kind == "A" else {}
    theirs = tf_ops(name, **inputs, last_layer_size=20)
    ours = tabulate(worker, table, em_x, em, kind=kind)
    np.testing.assert_allclose(ours, theirs.reshape(shape), **tolerances.DEEPMD)
    dy = np.random.default_rng(4).normal(size=shape)
    theirs = tf_ops(f"{name}_grad", **inputs, dy=dy, descriptor=ours)
    theirs = list(theirs) if kind == "A" else [theirs]
    for a, b in zip(tabulate(worker, table, em_x, em, dy, kind=kind), theirs, strict=True):
        np.testing.assert_allclose(a, b.reshape(a.shape), **tolerances.DEEPMD)

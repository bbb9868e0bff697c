# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the operators of se_atten, ProdEnvMatAMix and TabulateFusionSeAtten, agree with the NumPy
oracle on every kernel path, and with DeePMD-kit's own?"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import tolerances
from dponnx.converter.tables import TableGrid
from kernel_calls import (
    CUT,
    GRID,
    env_mat,
    grid_of,
    make_em,
    make_frame,
    make_gates,
    make_table,
    table_of,
    tabulate,
)
from kernel_worker import WorkerError
from one_node import one_node
from test_deepmd_kernels import box, tf_ops, with_ghosts  # noqa: F401  (fixtures)
from test_tabulation import edges

NNEI = 23


def frame_of(dtype, n, ntypes=3, **more):
    """make_frame with n slots for all types."""
    *atoms, davg, dstd = make_frame(dtype, ntypes=ntypes, sel=(n,), **more)
    return *atoms, davg, dstd


def check_env_mat(worker, frame, n):
    *ours, overflow = env_mat(worker, frame, (n,), kind="AMix", count=True)
    coord, atype, nlist, davg, dstd = frame
    expected = oracle.env_mat("AMix", coord, atype, nlist, (davg, dstd), CUT, (n,))
    names = ["descrpt", "deriv", "rij", "nlist", "ntype", "nmask"]
    for name, a, b in zip(names, ours, expected, strict=True):
        assert a.dtype == (coord.dtype if name in names[:3] else b.dtype)
        if name in names[3:]:
            np.testing.assert_array_equal(a, b, err_msg=name)
            continue
        scale = np.abs(b).max(initial=1.0)
        np.testing.assert_allclose(a, b, err_msg=name, **tolerances.kernel(coord.dtype, scale))
    most = oracle.sel_overflow_mixed(coord, atype, nlist, CUT[1], n, len(davg))
    np.testing.assert_array_equal(overflow, most)
    return ours


@pytest.mark.parametrize("n", [45, 12, 1, 0])
def test_env_mat(worker, dtype, n):
    check_env_mat(worker, frame_of(dtype, n), n)


@pytest.mark.parametrize("nloc, nall, nnei_in", [(0, 0, 0), (0, 5, 3), (1, 1, 0), (1, 1, 4)])
def test_env_mat_without_atoms_or_neighbours(worker, dtype, nloc, nall, nnei_in):
    out = check_env_mat(worker, frame_of(dtype, 5, nloc=nloc, nall=nall, nnei_in=nnei_in), 5)
    assert not out[5].any() and (out[4] == 3).all()


def test_env_mat_skips_virtual_atoms(worker, dtype):
    frame = frame_of(dtype, 45)
    frame[1][[0, 5, 31, 40]] = -1
    out = check_env_mat(worker, frame, 45)
    assert not out[0][[0, 5]].any() and (out[3][[0, 5]] == -1).all()
    assert not np.isin(out[3], [0, 5, 31, 40]).any()


def test_sel_overflow_tells_the_types_left_out(worker, dtype):
    """The two farthest of four neighbours find no place: one of each type."""
    coord = np.zeros((5, 3), dtype)
    coord[1:, 0] = [1, -2, 3, -3.5]
    atype = np.array([0, 0, 1, 1, 0], np.int32)
    nlist = np.array([[4, 3, 2, 1]], np.int32)
    stats = np.zeros((2, 8), dtype), np.ones((2, 8), dtype)
    out = env_mat(worker, (coord, atype, nlist, *stats), (2,), kind="AMix", count=True)
    assert sorted(out[3][0]) == [1, 2] and out[6].tolist() == [1, 1]


def check_tabulate(worker, table, em_x, em, gates, seed=2):
    dy = np.random.default_rng(seed).normal(size=(len(em), 4, table.width)).astype(em.dtype)
    value, slope = table.evaluate(em_x.astype(float))
    terms = max(em.shape[1], table.width) * (1 + np.abs(gates[0]).max())
    scale = terms * max(np.abs(value).max(initial=1.0), np.abs(slope).max(initial=1.0))
    close = tolerances.kernel(em.dtype, scale)
    ours = tabulate(worker, table, em_x, em, kind="Atten", gates=gates)
    np.testing.assert_allclose(ours, oracle.tabulate("Atten", table, em_x, em, gates), **close)
    ours = tabulate(worker, table, em_x, em, dy, kind="Atten", gates=gates)
    expected = oracle.tabulate_grad("Atten", table, em_x, em, dy, gates)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, **close)


@pytest.mark.parametrize("width", [1, 3, 8, 20, 33, 64, 100])
def test_tabulate(worker, dtype, width):
    em_x, em = make_em(dtype, 5, NNEI, kind="A", low=-3.0, high=9.0)
    check_tabulate(worker, make_table(width), em_x, em, make_gates(em, width))


def test_tabulate_at_and_around_knots(worker, dtype):
    x = edges(GRID, dtype)
    em = make_em(dtype, len(x), 1)[1]
    for k in range(0, len(x), 8):
        part = em[k : k + 8]
        check_tabulate(worker, make_table(20), x[k : k + 8], part, make_gates(part, 20))


@pytest.mark.parametrize("n, nnei", [(0, 0), (0, 7), (3, 0), (1, 1)])
def test_tabulate_empty(worker, dtype, n, nnei):
    em_x, em = make_em(dtype, n, nnei)
    check_tabulate(worker, make_table(33), em_x, em, make_gates(em, 33))


def test_equal_neighbours_with_equal_and_other_gates(worker, dtype):
    em_x, em = make_em(dtype, 3, 17)
    em_x = em_x.reshape(3, 17).copy()
    rows, index, scale = make_gates(em, 33)
    index, scale = index.reshape(3, 17), scale.reshape(3, 17)
    em_x[:], em[:] = em_x[:, :1], em[:, :1]
    em_x[2] = 7.25  # on the tangent
    index[0], scale[0] = 3, 0.5  # padding: all alike
    index[1, 4:9], scale[1] = 1, 0.25
    index[2], scale[2, 6:] = 2, 0.75
    check_tabulate(worker, make_table(33), em_x.ravel(), em, (rows, index.ravel(), scale.ravel()))


def test_gates_without_scale(worker, dtype):
    em_x, em = make_em(dtype, 3, 17)
    rows, index, scale = make_gates(em, 33)
    inputs = {"em_x": em_x[:, None], "em": em, "two_index": index}
    constants = table_of(make_table(33), dtype)["constants"] | {"two_embed": rows}
    order = ["table", "table_info", "em_x", "em", "two_embed", "two_index"]
    sizes = grid_of(make_table(33))
    model = one_node("TabulateFusionSeAtten", inputs, ["d"], constants, order=order, **sizes)
    gates = rows, index, np.ones_like(scale)
    expected = tabulate(worker, make_table(33), em_x, em, kind="Atten", gates=gates)
    np.testing.assert_array_equal(worker.run(model, inputs)[0], expected)


def test_results_do_not_depend_on_threads(worker, dtype):
    frame = frame_of(dtype, 30, nloc=300, nall=400)
    em_x, em = make_em(dtype, 900, NNEI, high=9.0)
    gates, table = make_gates(em, 33), make_table(33)
    dy = np.random.default_rng(2).normal(size=(900, 4, 33)).astype(dtype)

    def everything(threads):
        yield from env_mat(worker, frame, (30,), threads, kind="AMix", count=True)
        for given in (None, dy):
            yield from tabulate(worker, table, em_x, em, given, threads, "Atten", gates)

    for one, other in zip(everything(1), everything(2), strict=True):
        np.testing.assert_array_equal(one, other)


def test_impossible_inputs_are_refused(worker, dtype):
    frame = frame_of(dtype, 5)
    with pytest.raises(WorkerError, match="ProdEnvMatAMix: sel_a holds 2 numbers; expected one"):
        env_mat(worker, frame, (2, 3), kind="AMix")
    em_x, em = make_em(dtype, 2, 3)
    with pytest.raises(
        WorkerError, match=r"Atten: two_embed has shape \[9, 7\]; expected \[\?, 8\]"
    ):
        tabulate(worker, make_table(8), em_x, em, kind="Atten", gates=make_gates(em, 7))
    rows, index, scale = make_gates(em, 8)
    index[2] = 9
    with pytest.raises(WorkerError, match=r"Atten: two_index\[2\] = 9, expected 0..rows"):
        tabulate(worker, make_table(8), em_x, em, kind="Atten", gates=(rows, index, scale))


@pytest.mark.parametrize("n", [138, 50], ids=["room", "overflow"])
def test_same_environment_as_deepmd(worker, tf_ops, box, n):  # noqa: F811
    coord, atype, cell = box
    everyone, types, owner, near = with_ghosts(coord, atype, cell)
    natoms = len(coord)
    davg = np.array([[0.1, 0, 0, 0], [0.2, 0, 0, 0]]).repeat(n, axis=0).reshape(2, -1)
    dstd = np.array([[0.15, 0.09, 0.09, 0.09], [0.1, 0.08, 0.08, 0.08]])
    dstd = dstd.repeat(n, axis=0).reshape(2, -1)
    cut = 0.3, 6.0  # DeePMD-kit subtracts the two in float32
    ours = env_mat(worker, (everyone, types, near, davg, dstd), (n,), cut=cut, kind="AMix")
    counts = [natoms, natoms, *np.bincount(atype, minlength=2)]
    theirs = tf_ops(
        "prod_env_mat_a_mix", coord=coord.reshape(1, -1), type=atype[None],
        natoms=np.int32(counts), box=cell.reshape(1, 9), mesh=np.int32([0, 0, 0, 2, 2, 2]),
        davg=davg, dstd=dstd, rcut_a=-1.0, rcut_r=cut[1], rcut_r_smth=cut[0], sel_a=[n], sel_r=[0],
    )  # fmt: skip
    # DeePMD-kit's are sorted by distance: bring ours into that order.
    shaped = [a.reshape(natoms, n, -1) for a in ours]
    slots = shaped[3][..., 0]
    r = np.where(slots < 0, np.inf, np.linalg.norm(shaped[2], axis=2))
    order = np.argsort(r, axis=1, kind="stable")[..., None]
    shaped[3] = np.where(slots < 0, -1, owner[slots])[..., None]
    for a, b in zip(shaped, theirs, strict=True):
        a = np.take_along_axis(a, order, 1)
        np.testing.assert_allclose(a, b.reshape(a.shape), **tolerances.DEEPMD)


@pytest.mark.parametrize("is_sorted", [False, True])
def test_same_tabulation_as_deepmd(worker, tf_ops, is_sorted):  # noqa: F811
    """Neighbours that end in padding, so that DeePMD-kit may stop there if it is told so."""
    grid = TableGrid(-1.0, 2.0, 6.0, 1 / 64, 1 / 4, 192, 16)
    table = make_table(20, grid=grid)
    em_x, em = make_em(np.float64, 50, 30, -0.9, 5.9)
    rows, index, scale = make_gates(em, 20)
    em_x, index, scale = (a.reshape(50, 30).copy() for a in (em_x, index, scale))
    em_x[:, 20:], em[:, 20:] = -1.0, [-1.0, 0, 0, 0]
    em[..., 0] = em_x
    index[:, 20:], scale[:, 20:] = 8, 0.0
    em_x, index, scale = em_x.ravel(), index.ravel(), scale.ravel()
    gates = rows, index, scale
    info = np.array([grid.lower, grid.upper, grid.maximum, grid.fine, grid.coarse, -1])
    inputs = {"table": table.coef, "table_info": info, "em_x": em_x[:, None], "em": em}
    inputs |= {"two_embed": rows[index] * scale[:, None], "is_sorted": is_sorted}
    theirs = tf_ops("tabulate_fusion_se_atten", **inputs, last_layer_size=20)
    ours = tabulate(worker, table, em_x, em, kind="Atten", gates=gates)
    np.testing.assert_allclose(ours, theirs, **tolerances.DEEPMD)
    dy = np.random.default_rng(4).normal(size=ours.shape)
    theirs = tf_ops("tabulate_fusion_se_atten_grad", **inputs, dy=dy, descriptor=ours)
    found = tabulate(worker, table, em_x, em, dy, kind="Atten", gates=gates)
    theirs = [*theirs[:2], np.sum(theirs[2] * rows[index], axis=1)]
    real = np.arange(30) < 20 if is_sorted else np.full(30, True)
    for a, b in zip(found, theirs, strict=True):
        a, b = (g.reshape(50, 30, -1)[:, real] for g in (a, b))
        np.testing.assert_allclose(a, b, **tolerances.DEEPMD)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do environment matrix, force and virial agree with the NumPy oracle on every kernel path?

kind A is se_e2_a with four columns of the environment matrix, kind R se_e2_r with one.
"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import tolerances
from kernel_calls import (
    CUT,
    env_mat,
    force,
    make_frame,
    make_scatter,
    virial,
)


@pytest.fixture(params=["A", "R"])
def kind(request):
    return request.param


def check_env_mat(worker, frame, sel, kind):
    """Compares with the oracle; the largest s is the scale of rounding."""
    *ours, overflow = env_mat(worker, frame, sel, kind=kind, count=True)
    coord, atype, nlist, davg, dstd = frame
    expected = oracle.env_mat(kind, coord, atype, nlist, (davg, dstd), CUT, sel)
    np.testing.assert_array_equal(overflow, oracle.sel_overflow(coord, atype, nlist, CUT[1], sel))
    np.testing.assert_array_equal(ours[3], expected[3])
    for name, a, b in zip(["descrpt", "deriv", "rij"], ours, expected, strict=False):
        scale = np.abs(b).max(initial=1.0)
        np.testing.assert_allclose(a, b, err_msg=name, **tolerances.kernel(coord.dtype, scale))
    return ours


# --- environment matrix -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sel", [(20, 30), (45, 0), (0, 45), (33, 7), (3, 2), (1, 1)],
    ids=["room", "no_second", "no_first", "odd", "overflow", "one_slot"],
)  # fmt: skip
def test_env_mat(worker, dtype, sel, kind):
    check_env_mat(worker, make_frame(dtype, sel=sel, columns=oracle.COLUMNS[kind]), sel, kind)


def test_env_mat_is_smooth_at_both_ends_of_the_switch(worker, dtype, kind):
    """Distances at rcut_smth and rcut and one unit in the last place around them."""
    ends = [dtype(c) for c in CUT]
    r = [f(c) for c in ends for f in (lambda c: np.nextafter(c, dtype(0)), lambda c: c,
                                      lambda c: np.nextafter(c, dtype(9)))]  # fmt: skip
    coord = np.zeros((1 + len(r), 3), dtype)
    coord[1:, 1] = r
    atype = np.zeros(len(coord), np.int32)
    nlist = np.arange(1, len(coord), dtype=np.int32)[None]
    width = 8 * oracle.COLUMNS[kind]
    stats = np.zeros((1, width), dtype), np.ones((1, width), dtype)
    check_env_mat(worker, (coord, atype, nlist, *stats), (8,), kind)


def test_env_mat_ignores_list_order(worker, dtype):
    """A permuted list gives the same rows, in a permuted order; with overflow, the same slots."""
    frame = make_frame(dtype, sel=(40, 40))
    shuffled = (*frame[:2], np.random.default_rng(7).permuted(frame[2], axis=1), *frame[3:])
    a, b = env_mat(worker, frame, (40, 40))[3], env_mat(worker, shuffled, (40, 40))[3]
    np.testing.assert_array_equal(np.sort(a, axis=1), np.sort(b, axis=1))
    small = tuple(s[:, : 4 * 4] for s in frame[3:])
    a, b = (env_mat(worker, (*f[:3], *small), (2, 2)) for f in (frame, shuffled))
    full = (a[3] >= 0).all(axis=1)
    assert full.any()
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x[full], y[full])


def test_env_mat_overflow_breaks_ties_by_index(worker, dtype):
    coord = np.zeros((5, 3), dtype)
    coord[1:] = [[0, 2, 0], [2, 0, 0], [0, 0, 2], [1, 0, 0]]
    nlist = np.array([[3, 2, 4, 1]], np.int32)
    stats = np.zeros((1, 8), dtype), np.ones((1, 8), dtype)
    out = env_mat(worker, (coord, np.zeros(5, np.int32), nlist, *stats), (2,))
    np.testing.assert_array_equal(out[3], [[4, 1]])


def test_env_mat_skips_virtual_atoms(worker, dtype, kind):
    frame = make_frame(dtype, sel=(20, 30), columns=oracle.COLUMNS[kind])
    frame[1][[0, 5, 31, 40]] = -1
    out = check_env_mat(worker, frame, (20, 30), kind)
    assert not out[0][[0, 5]].any() and (out[3][[0, 5]] == -1).all()


@pytest.mark.parametrize("nloc, nall, nnei_in", [(0, 0, 0), (0, 5, 3), (1, 1, 0), (1, 1, 4)])
def test_env_mat_without_atoms_or_neighbours(worker, dtype, kind, nloc, nall, nnei_in):
    columns = oracle.COLUMNS[kind]
    frame = make_frame(dtype, nloc, nall, sel=(3, 2), nnei_in=nnei_in, columns=columns)
    out = check_env_mat(worker, frame, (3, 2), kind)
    assert out[0].shape == (nloc, 5 * columns) and out[1].shape == (nloc, 15 * columns)


def test_env_mat_passes_nan_on(worker, dtype):
    """A lost atom must not vanish from the list in silence, overflow or not."""
    frame = make_frame(dtype, sel=(45, 45))
    frame[0][40] = np.nan
    lists_it = (frame[2] == 40).any(axis=1)
    assert lists_it.any() and not lists_it.all()
    for sel in [(45, 45), (1, 1)]:
        stats = tuple(s[:, : 4 * sum(sel)] for s in frame[3:])
        out = env_mat(worker, (*frame[:3], *stats), sel)
        np.testing.assert_array_equal(np.isnan(out[0]).any(axis=1), lists_it)


def test_sel_overflow_is_the_excess_of_the_fullest_atom(worker, dtype, kind):
    """Three atoms of type 0 and one of type 1 around atom 0, beside a far and a virtual one."""
    coord = np.zeros((7, 3), dtype)
    coord[1:, 0] = [1, 2, 3, -2, 5, 1.5]
    atype = np.array([0, 0, 0, 0, 1, 0, -1], np.int32)
    nlist = np.array([[6, 5, 4, 3, 2, 1], [0, 2, -1, -1, -1, -1]], np.int32)
    for sel, expected in [((1, 1), [2, 0]), ((3, 1), [0, 0]), ((0, 0), [3, 1]), ((9, 0), [0, 1])]:
        width = sum(sel) * oracle.COLUMNS[kind]
        stats = np.zeros((2, width), dtype), np.ones((2, width), dtype)
        frame = coord, atype, nlist, *stats
        found = env_mat(worker, frame, sel, kind=kind, count=True)[4]
        assert found.dtype == np.int64 and found.tolist() == expected


# --- force and virial ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nloc, nall, nnei", [(0, 0, 3), (0, 4, 3), (1, 1, 0), (1, 9, 5), (700, 900, 11)]
)
def test_force_and_virial(worker, dtype, kind, nloc, nall, nnei):
    columns = oracle.COLUMNS[kind]
    derivs, rij, nlist, natoms = make_scatter(dtype, nloc, nall, nnei, columns=columns)
    close = tolerances.kernel(dtype, scale=30.0)
    ours = force(worker, *derivs, nlist, natoms, kind=kind)
    np.testing.assert_allclose(ours, oracle.prod_force(*derivs, nlist, natoms), **close)
    total, atomic = virial(worker, derivs, rij, nlist, natoms, kind=kind)
    expected, expected_atomic = oracle.prod_virial(*derivs, rij, nlist, natoms)
    np.testing.assert_allclose(atomic, expected_atomic, **close)
    np.testing.assert_allclose(
        total, expected, **tolerances.kernel(dtype, scale=30.0 * max(nloc, 1))
    )


def test_atom_virial_only_when_wanted(worker, dtype, kind):
    args = make_scatter(dtype, 20, 30, 6, columns=oracle.COLUMNS[kind])
    total, atomic = virial(worker, *args, want=True, kind=kind)
    without, nothing = virial(worker, *args, want=False, kind=kind)
    assert atomic.shape == (30, 9) and nothing.shape == (0, 9)
    np.testing.assert_array_equal(total, without)


def test_forces_are_the_gradient(worker, kind):
    """force and virial of E = sum w . descrpt against central differences, in float64."""
    sel, columns = (45, 45), oracle.COLUMNS[kind]
    coord, atype, nlist, davg, dstd = make_frame(np.float64, sel=sel, columns=columns)
    # Empty slots carry no force; a fixed weight per component makes E independent of the slots.
    weight = np.tile([1.0, -0.7, 0.4, 0.9][:columns], sum(sel))
    davg[:], dstd[:] = davg[:, :1], dstd[:, :1]

    def evaluate(x):
        return env_mat(worker, (x, atype, nlist, davg, dstd), sel, kind=kind)

    def energy(x):
        return (evaluate(x)[0] @ weight).sum()

    descrpt, deriv, rij, slots = evaluate(coord)
    natoms = [len(nlist), len(coord), 0, 0]
    net = np.tile(weight, (len(nlist), 1))
    ours = force(worker, net, deriv, slots, natoms, kind=kind)
    total, _ = virial(worker, (net, deriv), rij, slots, natoms, kind=kind)
    h = 1e-5
    for atom, k in [(0, 0), (7, 1), (40, 2)]:
        step = np.zeros_like(coord)
        step[atom, k] = h
        slope = (energy(coord + step) - energy(coord - step)) / (2 * h)
        np.testing.assert_allclose(ours[atom, k], -slope, **tolerances.FINITE_DIFFERENCE)
    for a, b in [(0, 0), (1, 1), (0, 2)]:
        strain = np.zeros((3, 3))
        strain[b, a] = h
        slope = (energy(coord + coord @ strain) - energy(coord - coord @ strain)) / (2 * h)
        # virial = -dE/d strain, DeePMD-kit's sign
        np.testing.assert_allclose(
            total.reshape(3, 3)[a, b], -slope, **tolerances.FINITE_DIFFERENCE
        )


# --- threads ------------------------------------------------------------------------------------


def test_results_do_not_depend_on_threads(worker, dtype, kind):
    columns = oracle.COLUMNS[kind]
    frame = make_frame(dtype, nloc=300, nall=400, columns=columns)
    derivs, rij, nlist, natoms = make_scatter(dtype, 2000, 2500, 11, columns=columns)

    def everything(threads):
        yield from env_mat(worker, frame, (20, 30), threads, kind=kind, count=True)
        yield force(worker, *derivs, nlist, natoms, threads, kind=kind)
        yield from virial(worker, derivs, rij, nlist, natoms, threads=threads, kind=kind)

    for one, two in zip(everything(1), everything(2), strict=True):
        np.testing.assert_array_equal(one, two)

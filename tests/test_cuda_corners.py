# SPDX-License-Identifier: LGPL-3.0-or-later
"""Corners of the plain operators where a GPU's threads meet their limits: no atoms, no neighbours,
padding only, slots exactly full, counts around multiples of 32; bad indices; huge forces.

Every kernel path runs them; the CPU's agree for other reasons.
"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import tolerances
from kernel_calls import CUT, GRID, env_mat, force, make_em, make_table, tabulate, virial
from kernel_worker import WorkerError

COUNTS = [1, 31, 32, 33, 64, 65, 97]


def cluster(dtype, n_near, spare=0, nloc=2):
    """nloc atoms that list the same n_near others of type 0, all within rcut, then -1."""
    rng = np.random.default_rng(n_near)
    direction = rng.normal(size=(nloc + n_near, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    coord = direction * rng.uniform(1.2, 1.9, (len(direction), 1))
    nlist = np.full((nloc, n_near + spare), -1, np.int32)
    nlist[:, :n_near] = np.arange(nloc, nloc + n_near)
    return coord.astype(dtype), np.zeros(len(coord), np.int32), nlist


def statistics(dtype, slots):
    return np.zeros((1, 4 * slots), dtype), np.ones((1, 4 * slots), dtype)


@pytest.mark.parametrize("excess", [-1, 0, 1], ids=["room", "full", "one_more"])
@pytest.mark.parametrize("n", COUNTS)
def test_slots_full_or_nearly(worker, dtype, n, excess):
    slots = max(n - excess, 0)
    frame = *cluster(dtype, n, spare=3), *statistics(dtype, slots)
    *ours, overflow = env_mat(worker, frame, (slots,), count=True)
    coord, atype, nlist, davg, dstd = frame
    expected = oracle.env_mat("A", coord, atype, nlist, (davg, dstd), CUT, (slots,))
    np.testing.assert_array_equal(ours[3], expected[3])
    assert overflow.tolist() == [max(excess, 0)]
    for a, b in zip(ours[:3], expected[:3], strict=True):
        scale = np.abs(b).max(initial=1.0)
        np.testing.assert_allclose(a, b, **tolerances.kernel(dtype, scale))


@pytest.mark.parametrize("n", COUNTS)
def test_forces_of_so_many_slots(worker, dtype, n):
    """Every second slot empty; the last atom has only empty ones."""
    rng = np.random.default_rng(n)
    nlist = rng.integers(0, 5, (3, n)).astype(np.int32)
    nlist[:, ::2], nlist[2] = -1, -1
    derivs = [rng.normal(size=(3, k * n)).astype(dtype) for k in (4, 12)]
    rij = rng.normal(size=(3, 3 * n)).astype(dtype)
    natoms = [3, 5, 3]
    close = tolerances.kernel(dtype, scale=30.0)
    found = force(worker, *derivs, nlist, natoms)
    np.testing.assert_allclose(found, oracle.prod_force(*derivs, nlist, natoms), **close)
    total, atomic = virial(worker, derivs, rij, nlist, natoms)
    expected, expected_atomic = oracle.prod_virial(*derivs, rij, nlist, natoms)
    np.testing.assert_allclose(atomic, expected_atomic, **close)
    np.testing.assert_allclose(total, expected, **tolerances.kernel(dtype, scale=90.0))


@pytest.mark.parametrize("n", COUNTS)
def test_tables_of_so_many_neighbours(worker, dtype, n):
    """Equal neighbours across a multiple of 32, and atoms of padding only; more outputs than a
    warp has columns."""
    table = make_table(130)
    em_x, em = make_em(dtype, 3, n)
    em_x = em_x.reshape(3, n)
    em_x[0, n // 3 :], em[0, n // 3 :] = em_x[0, -1], em[0, -1]
    em_x[1], em[1] = GRID.lower, [GRID.lower, 0, 0, 0]
    dy = np.random.default_rng(2).normal(size=(3, 4, 130)).astype(dtype)
    em_x = em_x.ravel()
    value, slope = table.evaluate(em_x.astype(float))
    close = tolerances.kernel(dtype, 130 * max(np.abs(value).max(), np.abs(slope).max()))
    found = tabulate(worker, table, em_x, em)
    np.testing.assert_allclose(found, oracle.tabulate("A", table, em_x, em), **close)
    found = tabulate(worker, table, em_x, em, dy)
    expected = oracle.tabulate_grad("A", table, em_x, em, dy)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.ravel(), b.ravel(), **close)
    again = tabulate(worker, table, em_x, em, dy)
    for a, b in zip(found, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_forces_of_any_size(worker, dtype):
    """1e-6 to 1e6 eV/angstrom on one atom: each to the precision of the largest."""
    nlist = np.zeros((1, 40), np.int32)
    nlist[:] = 1
    net, deriv = np.zeros((1, 160), dtype), np.ones((1, 480), dtype)
    net[0, ::4] = np.logspace(-6, 6, 40) * np.where(np.arange(40) % 2, 1, -1)
    found = force(worker, net, deriv, nlist, [1, 2, 1])
    exact = net.astype(float).sum()
    close = tolerances.kernel(dtype, scale=2e6)
    np.testing.assert_allclose(found, np.array([[-exact] * 3, [exact] * 3]), **close)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_reaches_its_atoms_only(worker, dtype, bad):
    nlist = np.array([[2, 3], [3, 4]], np.int32)
    net, deriv = np.ones((2, 8), dtype), np.ones((2, 24), dtype)
    net[0, 0] = bad  # atoms 0 and 2
    found = force(worker, net, deriv, nlist, [2, 5, 2])
    np.testing.assert_array_equal(np.isfinite(found).all(axis=1), [False, True, False, True, True])
    total, atomic = virial(worker, (net, deriv), np.ones((2, 6), dtype), nlist, [2, 5, 2])
    np.testing.assert_array_equal(np.isfinite(atomic).all(axis=1), [True, True, False, True, True])
    assert not np.isfinite(total).any()


@pytest.mark.parametrize("value", [5, -2, 2**31 - 1, -(2**31)])
def test_indices_out_of_range_are_told(worker, value):
    nlist = np.array([[2, 3], [3, value]], np.int32)
    derivs, natoms = [np.ones((2, k)) for k in (8, 24)], [2, 5, 2]
    message = rf"nlist\[1,1\] = {value}, expected -1 or 0..nall-1 = 4"
    for call in (
        lambda: force(worker, *derivs, nlist, natoms),
        lambda: virial(worker, derivs, np.ones((2, 6)), nlist, natoms),
        lambda: env_mat(
            worker, (np.zeros((5, 3)), np.zeros(5, np.int32), nlist, *statistics(float, 4)), (4,)
        ),
    ):
        with pytest.raises(WorkerError, match=message):
            call()
    nlist[1, 1] = 4
    force(worker, *derivs, nlist, natoms)  # and the next call is none the worse


def test_types_out_of_range_are_told(worker):
    frame = list(cluster(np.float64, 3)) + list(statistics(np.float64, 4))
    frame[1][4] = 1
    with pytest.raises(WorkerError, match=r"atype\[4\] = 1, expected at most ntypes-1 = 0"):
        env_mat(worker, frame, (4,))

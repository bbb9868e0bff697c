# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the fused descriptors agree with the oracle's plain operators on every kernel path?

kind A is se_e2_a, R se_e2_r, T se_e3. Precisions: of coordinates, and of tables and sums.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import oracle
import pytest
import tolerances
from descriptor_calls import environment, fused, make_case, plain
from kernel_calls import BOTH_SIDES, GRID, make_table
from kernel_worker import WorkerError

SELS = {"room": (20, 30), "no_first": (0, 45), "odd": (33, 7), "overflow": (3, 2)}


@pytest.fixture(params=["A", "R", "T"])
def kind(request):
    return request.param


@pytest.fixture(params=["float32", "float64", "mixed"])
def precisions(request):
    mixed = np.float64, np.float32
    return mixed if request.param == "mixed" else (np.dtype(request.param).type,) * 2


def tables(kind, width, count=3):
    """Of several lengths, so that a table taken for another shows."""
    grids = [GRID, replace(GRID, upper=3.0, fine=0.0625, n_fine=64), replace(GRID, n_coarse=0)]
    if kind == "T":
        grids[1] = BOTH_SIDES
    return [make_table(width, seed, grid) for seed, grid in enumerate(grids[:count])]


def assert_close(found, expected, dtype):
    """Rounding of sums over neighbours, in units of their largest result."""
    for a, b in zip(found, expected, strict=True):
        scale = np.abs(b).max(initial=1.0)
        np.testing.assert_allclose(a, b, **tolerances.kernel(dtype, scale))


def check(worker, case, dtype, seed=5):
    value = fused(worker, case, dtype=dtype)
    dy = np.random.default_rng(seed).normal(size=case.shape).astype(dtype)
    sums = fused(worker, case, dy, dtype)
    assert value.dtype == dtype and sums[0].dtype == case.coord.dtype
    assert_close([value], [plain(case)], dtype)
    assert_close(sums, plain(case, dy), dtype)


@pytest.mark.parametrize("width", [3, 41])
@pytest.mark.parametrize("sel", SELS.values(), ids=SELS)
def test_value_and_forces(worker, kind, precisions, sel, width):
    real, dtype = precisions
    # Neighbouring rows of a random table differ: a seed for which no pair's input is rounded to
    # the other side of a knot in float32.
    seed = 1 if kind == "T" else 0
    check(worker, make_case(kind, sel, tables(kind, width), real, seed), dtype)


def test_wide_tables(worker, dtype):
    """Several blocks of vectors, and what is left over."""
    check(worker, make_case("A", (25, 25), tables("A", 130, 2), dtype, nloc=8), dtype)


def test_three_types_and_virtual_atoms(worker, kind, dtype):
    case = make_case(kind, (20, 15, 20), tables(kind, 9), dtype, ntypes=3)
    case.atype[[0, 5, 31, 40]] = -1
    check(worker, case, dtype)


@pytest.mark.parametrize("nloc, nall, nnei_in", [(0, 0, 0), (0, 5, 3), (1, 1, 0), (1, 1, 4)])
def test_without_atoms_or_neighbours(worker, kind, nloc, nall, nnei_in):
    frame = {"nloc": nloc, "nall": nall, "nnei_in": nnei_in}
    check(worker, make_case(kind, (3, 2), tables(kind, 5), np.float64, **frame), np.float64)


def test_only_padding(worker, kind):
    case = make_case(kind, (3, 2), tables(kind, 5), np.float64, nloc=9, nall=12)
    case.nlist[:] = -1
    check(worker, case, np.float64)


@pytest.mark.parametrize("room", [0, 3])
@pytest.mark.parametrize("n", [31, 32, 33, 65])
def test_as_many_neighbors_as_slots(worker, kind, n, room):
    """One type, all atoms near each other; numbers around those that vectors and warps hold."""
    frame = {"nloc": 3, "nall": n + 1, "nnei_in": 2 * n, "ntypes": 1}
    case = make_case(kind, (n + room, 0), tables(kind, 7), np.float64, **frame)
    case.coord[:] *= 0.4
    case.pairs[:] = 0
    assert (environment(case)[3] >= 0).sum() == 3 * n
    check(worker, case, np.float64)


def test_atom_virial_only_when_wanted(worker, kind):
    case = make_case(kind, (20, 30), tables(kind, 5), np.float64)
    dy = np.ones(case.shape)
    force, virial, nothing = fused(worker, case, dy, want=False)
    assert nothing.shape == (0, 9)
    for a, b in zip(fused(worker, case, dy, want=True), (force, virial), strict=False):
        np.testing.assert_array_equal(a, b)


def test_results_do_not_depend_on_threads(worker, kind):
    case = make_case(kind, (20, 30), tables(kind, 20), np.float64, nloc=150, nall=200)
    dy = np.random.default_rng(2).normal(size=case.shape)
    for of in (None, dy):
        one, two = (fused(worker, case, of, threads=n) for n in (1, 2))
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_lost_atom_reaches_the_result(worker, kind):
    case = make_case(kind, (45, 45), tables(kind, 5), np.float64)
    case.pairs[case.pairs < 0] = 0
    case.coord[40] = np.nan
    lists_it = (case.nlist == 40).any(axis=1)
    found = np.isnan(fused(worker, case)).any(axis=tuple(range(1, len(case.shape))))
    np.testing.assert_array_equal(found, lists_it)


# --- overflow -----------------------------------------------------------------------------------


def inputs_of_tables(case):
    """What each table is asked for, padding left out."""
    rows, _, _, slots = environment(case)
    asked = [[] for _ in case.tables]
    types = np.repeat(np.arange(len(case.sel)), case.sel)
    for i in range(len(case.nlist)):
        real = np.flatnonzero(slots[i] >= 0)
        for p in real:
            if case.kind != "T":
                number = case.pairs[case.atype[i], types[p]]
                if number >= 0:
                    asked[number].append(rows[i, p, 0])
                continue
            for q in real:
                number = case.pairs[case.atype[i], types[p], types[q]]
                if number >= 0:
                    asked[number].append(rows[i, p, 1:] @ rows[i, q, 1:])
    return [np.array(x) for x in asked]


def test_overflow_counts_inputs_and_neighbors(worker, kind):
    case = make_case(kind, (6, 30), tables(kind, 5), np.float64)
    case.dstd[:] *= 0.2  # five times the inputs: some leave the tables
    found = fused(worker, case, overflow=1)
    x = inputs_of_tables(case)
    expected = [oracle.overflow(t.grid, x) for t, x in zip(case.tables, x, strict=True)]
    assert np.array(expected).any(axis=0).all()  # something is coarse, something outside
    np.testing.assert_array_equal(found[1], expected)
    above = oracle.sel_overflow(case.coord, case.atype, case.nlist, 4.0, case.sel)
    assert above[0] > 0
    np.testing.assert_array_equal(found[2], above)


def test_overflow_is_not_counted_unless_asked(worker, kind):
    case = make_case(kind, (6, 30), tables(kind, 5), np.float64)
    assert not fused(worker, case, overflow=-1)[1].any()


@pytest.mark.parametrize(
    "evaluation, due", [(-1, True), (0, True), (1, False), (5, False), (6, True)]
)
def test_the_evaluation_tells_whether_a_check_is_due(worker, evaluation, due):
    """Every third; below 0 the node's own first evaluation. Counts are -1 where none is due."""
    case = make_case("A", (6, 30), tables("A", 5), np.float64)
    case.dstd[:] *= 0.2
    found = fused(worker, case, overflow=3, evaluation=evaluation)[1]
    assert (found.any() and found.min() >= 0) if due else (found == -1).all()


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more, message",
    [
        ({"pairs": [0, 1, 2]}, "pairs has 3 entries; expected 4"),
        ({"pairs": [0, 1, 2, 3]}, "pairs holds 3; expected -1..2"),
        ({"n_fine": [24, 64]}, "expected one a table each"),
        ({"n_fine": [24, 64, 25]}, "table has shape"),
        ({"rcut": 1.0}, "expected 0 <= rcut_smth < rcut"),
        ({"sel": [20, -1]}, "sel holds -1"),
    ],
)
def test_wrong_nodes_are_refused(worker, more, message):
    case = make_case("A", (20, 30), tables("A", 5), np.float64)
    with pytest.raises(WorkerError, match=message):
        fused(worker, case, more=more)


def test_a_gradient_of_another_shape_is_refused(worker):
    case = make_case("A", (20, 30), tables("A", 5), np.float64)
    with pytest.raises(WorkerError, match=r"dy has shape \[30, 4, 6\]; expected \[30, 4, 5\]"):
        fused(worker, case, np.ones((30, 4, 6)))

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does the neighbour list hold exactly the pairs a brute-force search finds, in any box?"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx.runtime.errors import InputError
from dponnx.runtime.neighbors import build_neighborhood
from toy_model import images

RCUT = 3.0
CELLS = {
    "none": None,
    "large": np.diag([11.0, 12.0, 13.0]),
    "below 2 rcut": np.diag([4.0, 5.0, 5.5]),
    "below rcut": np.diag([2.0, 2.3, 2.6]),
    "triclinic": np.array([[7.0, 0, 0], [3.3, 6.0, 0], [-3.1, 2.2, 8.0]]),
    "very skewed": np.array([[5.0, 0, 0], [20.0, 5.0, 0], [13.0, -22.0, 5.0]]),
    "rotated": np.linalg.qr(np.arange(9.0).reshape(3, 3) ** 2 + np.eye(3))[0] * 6.0,
    "slab": np.diag([3.2, 30.0, 6.1]),
    "left-handed": np.diag([4.0, 7.0, -5.5]),
    "left-handed triclinic": np.array([[3.3, 6.0, 0], [7.0, 0, 0.4], [-3.1, 2.2, 8.0]]),
}
CELLS["rotated"] = CELLS["rotated"] * np.sign(np.linalg.det(CELLS["rotated"]))


def atoms(cell, n, spread=1.0, seed=0):
    """n atoms, types 0 to 2 unsorted, over `spread` boxes in each direction."""
    rng = np.random.default_rng(seed)
    fractions = rng.uniform(-spread + 1, spread, (n, 3))
    return fractions @ (np.eye(3) * 6.0 if cell is None else cell), rng.integers(0, 3, n)


def vectors(coord, cell, rcut):
    """Oracle: (i, j, vector) of every pair within rcut as sorted rows, caller's numbering."""
    shifts = images(cell, rcut, coord)
    d = coord[None, :, None] + shifts[None, None] - coord[:, None, None]
    r = np.linalg.norm(d, axis=-1)
    zero = np.eye(len(coord), dtype=bool)[..., None] & (np.abs(shifts).sum(-1) == 0)
    i, j, k = np.nonzero((r < rcut) & ~zero)
    return canonical(i, j, d[i, j, k])


def listed(hood):
    """The same from a Neighborhood."""
    i, k = np.nonzero(hood.nlist >= 0)
    row = hood.nlist[i, k]
    return canonical(hood.owner[i], hood.owner[row], hood.coord[row] - hood.coord[i])


def canonical(i, j, d):
    rows = np.column_stack([i, j, np.round(d, 6) + 0.0])
    return rows[np.lexsort(rows.T[::-1])]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("n", [0, 1, 2, 17])
@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_same_pairs_as_brute_force(name, n, spread):
    cell = CELLS[name]
    coord, atype = atoms(cell, n, spread)
    hood = build_neighborhood(coord, cell, atype, RCUT, 3)
    expected = vectors(coord, cell, RCUT)
    np.testing.assert_allclose(listed(hood), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", CELLS)
def test_rows_keep_the_contract(name):
    cell = CELLS[name]
    coord, atype = atoms(cell, 23)
    hood = build_neighborhood(coord, cell, atype, RCUT, 4)
    nloc, nall = hood.natoms[:2]
    assert (hood.coord.dtype, hood.atype.dtype) == (np.float64, np.int32)
    assert (hood.natoms.dtype, hood.nlist.dtype) == (np.int32, np.int32)
    assert hood.natoms.shape == (6,) and hood.natoms[2:].sum() == nloc == hood.nloc == 23
    assert len(hood.coord) == len(hood.atype) == len(hood.owner) == nall
    assert (np.diff(hood.atype[:nloc]) >= 0).all()
    np.testing.assert_array_equal(hood.atype, atype[hood.owner])
    same_type = np.diff(hood.atype[:nloc]) == 0
    assert (np.diff(hood.owner[:nloc])[same_type] > 0).all(), "order within a type is kept"
    assert len(np.unique(np.round(hood.coord, 8), axis=0)) == nall, "no ghost twice"
    assert hood.nlist.max() < nall
    assert set(range(nloc, nall)) <= set(hood.nlist.ravel()), "every ghost is somebody's"
    padding = hood.nlist < 0
    assert (np.diff(padding.astype(int), axis=1) >= 0).all(), "padding comes last"


def test_ghosts_are_lattice_images_of_their_owner():
    cell = CELLS["triclinic"]
    coord, atype = atoms(cell, 9)
    hood = build_neighborhood(coord, cell, atype, RCUT, 3)
    shift = (hood.coord - coord[hood.owner]) @ np.linalg.inv(cell)
    np.testing.assert_allclose(shift, np.round(shift), rtol=0, atol=1e-9)
    assert (np.abs(shift[hood.nloc :]).max(axis=1) > 0.5).all()


def test_virtual_atoms_are_dropped_and_fold_to_zero():
    coord, atype = atoms(None, 6)
    atype[[1, 4]] = -1
    hood = build_neighborhood(coord, None, atype, RCUT, 3)
    kept = np.flatnonzero(atype >= 0)
    assert hood.nloc == 4 and set(hood.owner) == set(kept)
    folded = hood.fold(np.ones((len(hood.owner), 2)), 6)
    np.testing.assert_array_equal(folded[[1, 4]], 0.0)
    np.testing.assert_array_equal(folded[kept], 1.0)


def test_fold_counts_every_image():
    cell = CELLS["below rcut"]
    coord, atype = atoms(cell, 3)
    hood = build_neighborhood(coord, cell, atype, RCUT, 3)
    images_of = hood.fold(np.ones((len(hood.owner), 1)), 3)[:, 0]
    np.testing.assert_array_equal(images_of, np.bincount(hood.owner, minlength=3))


def test_moving_atoms_by_box_vectors_changes_no_pair():
    cell = CELLS["triclinic"]
    coord, atype = atoms(cell, 12)
    moved = coord + np.random.default_rng(1).integers(-500, 500, (12, 3)) @ cell
    one, two = (build_neighborhood(x, cell, atype, RCUT, 3) for x in (coord, moved))
    np.testing.assert_allclose(listed(one), listed(two), rtol=0, atol=1e-5)


def test_far_fragments_without_a_box():
    """Regression: vesin 0.6.2 divides by zero, ending the process, for such coordinates."""
    coord = np.array([[0.0, 0, 0], [1, 0, 0], [1e6, 0, 0], [1e6 + 1, 0, 0], [0, -1e9, 0]])
    hood = build_neighborhood(coord, None, np.zeros(5, int), RCUT, 1)
    np.testing.assert_array_equal(hood.nlist, [[1], [0], [3], [2], [-1]])


def test_gaps_hide_no_pair():
    rng = np.random.default_rng(2)
    coord = rng.uniform(0, 60, (40, 3)) * [1, 1, 0.05]
    hood = build_neighborhood(coord, None, np.zeros(40, int), RCUT, 1)
    np.testing.assert_allclose(listed(hood), vectors(coord, None, RCUT), rtol=0, atol=2e-6)


def test_lone_atom_has_one_empty_column():
    hood = build_neighborhood(np.zeros((1, 3)), None, np.array([2]), RCUT, 3)
    np.testing.assert_array_equal(hood.nlist, [[-1]])
    np.testing.assert_array_equal(hood.natoms, [1, 1, 0, 0, 1])


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dict(coord=np.zeros((2, 2))), "expected (natoms, 3)"),
        (dict(atype=np.zeros(3, int)), "expected (2,)"),
        (dict(atype=np.zeros(2)), "expected integers"),
        (dict(atype=np.array([0, 7])), "atom 1 has type 7; the model knows 0 to 1"),
        (dict(coord=np.array([[0, 0, 0], [0, NAN, 0]])), "coordinate of atom 1"),
        (dict(cell=np.zeros(9)), "expected (3, 3)"),
        (dict(cell=np.zeros((3, 3))), "volume"),
        (dict(cell=np.array([[1.0, 0, 0], [2, 0, 0], [0, 0, 1]])), "volume"),
        (dict(cell=np.diag([5.0, NAN, 5.0])), "NaN"),
        (dict(cell=np.diag([5.0, 5.0, np.inf])), "infinity"),
        (dict(cell=np.diag([5.0, 5.0, 1e-3])), "thin"),
        (dict(cell=np.diag([5.0, 5.0, 1e6])), "box edge"),
    ],
)
def test_errors_say_what_is_wrong(change, says):
    arguments = dict(coord=np.eye(3)[:2], cell=np.eye(3) * 9, atype=np.array([0, 1])) | change
    with pytest.raises(InputError) as error:
        build_neighborhood(**arguments, rcut=RCUT, ntypes=2)
    assert says in str(error.value)

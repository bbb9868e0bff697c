# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does libdponnx find exactly the pairs a brute-force search finds, in any box?

The toy model (toy_model.py) weighs each pair by distance and types: energies of the atoms differ
from the oracle's if a pair is lost, doubled or given to the wrong atom.
"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot
from dponnx.runtime.errors import InputError
from toy_model import RCUT, toy_atom_energies

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
# Each atom sums up to a thousand pairs of energies up to 2.25.
CLOSE = {"rtol": 1e-12, "atol": 1e-11}


@pytest.fixture(scope="module")
def model(toy_bytes):
    return DeepPot.from_bytes(toy_bytes, "toy", threads=1)


def atoms(cell, n, spread=1.0, seed=0):
    """n atoms, types 0 and 1 unsorted, over `spread` boxes in each direction."""
    rng = np.random.default_rng(seed)
    fractions = rng.uniform(-spread + 1, spread, (n, 3))
    return fractions @ (np.eye(3) * 6.0 if cell is None else cell), rng.integers(0, 2, n)


def energies(model, coord, cell, atype):
    return model.eval(coord[None], cell, atype, atomic=True)[3][0, :, 0]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("n", [1, 2, 17])
@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_same_pairs_as_brute_force(model, name, n, spread):
    cell = CELLS[name]
    coord, atype = atoms(cell, n, spread)
    expected = toy_atom_energies(coord, cell, atype)
    np.testing.assert_allclose(energies(model, coord, cell, atype), expected, **CLOSE)


def test_virtual_atoms_are_nobodys_neighbours(model):
    coord, atype = atoms(CELLS["below 2 rcut"], 12)
    atype[[1, 4]] = -1
    found = energies(model, coord, CELLS["below 2 rcut"], atype)
    expected = np.zeros(12)
    expected[atype >= 0] = toy_atom_energies(
        coord[atype >= 0], CELLS["below 2 rcut"], atype[atype >= 0]
    )
    np.testing.assert_allclose(found, expected, **CLOSE)


def test_moving_atoms_by_box_vectors_changes_nothing(model):
    cell = CELLS["triclinic"]
    coord, atype = atoms(cell, 12)
    moved = coord + np.random.default_rng(1).integers(-500, 500, (12, 3)) @ cell
    one, two = (energies(model, x, cell, atype) for x in (coord, moved))
    np.testing.assert_allclose(one, two, rtol=1e-9)  # coordinates of 5000 A carry 12 digits


def test_far_fragments_without_a_box(model):
    """Regression: vesin 0.6.2 divides by zero, ending the process, for such coordinates."""
    coord = np.array([[0.0, 0, 0], [1, 0, 0], [1e6, 0, 0], [1e6 + 1, 0, 0], [0, -1e9, 0]])
    found = energies(model, coord, None, np.zeros(5, int))
    pair = 0.5 * (1 - 1 / RCUT**2) ** 2
    np.testing.assert_allclose(found, [pair, pair, pair, pair, 0], rtol=1e-9)


def test_gaps_hide_no_pair(model):
    rng = np.random.default_rng(2)
    coord, atype = rng.uniform(0, 60, (40, 3)) * [1, 1, 0.05], np.zeros(40, int)
    expected = toy_atom_energies(coord, None, atype)
    assert expected.max() > 0
    np.testing.assert_allclose(energies(model, coord, None, atype), expected, **CLOSE)


NAN = float("nan")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dict(atom_types=[0, 7]), "atom 1 has type 7; the model knows 0 to 1"),
        (dict(coords=[[0, 0, 0, 0, NAN, 0]]), "coordinate of atom 1"),
        (dict(cells=np.zeros(9)), "volume"),
        (dict(cells=[1.0, 0, 0, 2, 0, 0, 0, 0, 1]), "volume"),
        (dict(cells=np.diag([5.0, NAN, 5.0])), "NaN"),
        (dict(cells=np.diag([5.0, 5.0, np.inf])), "infinity"),
        (dict(cells=np.diag([5.0, 5.0, 1e-3])), "thin"),
        (dict(cells=np.diag([5.0, 5.0, 1e6])), "box edge"),
        (dict(coords=[[0, 0, 0, 0, 0, 5]] * 2, cells=None, atom_types=[0, 7]), "frame 0"),
    ],
)
def test_errors_say_what_is_wrong(model, change, says):
    arguments = dict(coords=np.eye(3)[None, :2], cells=np.eye(3) * 9, atom_types=[0, 1]) | change
    with pytest.raises(InputError) as error:
        model.eval(**arguments)
    assert says in str(error.value) and "\n" not in str(error.value)

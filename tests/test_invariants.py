# SPDX-License-Identifier: LGPL-3.0-or-later
"""What every potential must keep: forces are the gradient, symmetries hold, pieces add up.

On the compressed fixture (se_e2_a, two-sided, float64), whole chain: neighbour list, operators,
ONNX Runtime.
"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot, compress
from tolerances import FINITE_DIFFERENCE, SYMMETRY


@pytest.fixture(scope="module")
def model(fixture_dir, tmp_path_factory) -> DeepPot:
    out = tmp_path_factory.mktemp("invariants") / "c.pb"
    return DeepPot(compress(fixture_dir / "sea_small_2side" / "graph.pb", out).onnx)


@pytest.fixture(scope="module")
def frame(fixture_dir):
    """coord (n, 3), box (3, 3), atype (n,) of a triclinic frame of 192 atoms."""
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as values:
        return (
            values["triclinic_coord"].reshape(-1, 3).astype(float),
            values["triclinic_box"].reshape(3, 3).astype(float),
            values["triclinic_atype"],
        )


def evaluate(model, coord, box, atype):
    e, f, v, ae, av = model.eval(
        coord[None], None if box is None else box[None], atype, atomic=True
    )
    return float(e[0, 0]), f[0], v[0].reshape(3, 3), ae[0, :, 0], av[0].reshape(-1, 3, 3)


def test_force_is_minus_the_gradient_of_the_energy(model, frame):
    coord, box, atype = frame
    force = evaluate(model, coord, box, atype)[1]
    h = 1e-4  # energies of 3e4 eV carry 4e-12 eV: 2e-8 eV/A over 2h
    for atom, axis in ((0, 0), (5, 1), (70, 2), (191, 0)):
        step = np.zeros_like(coord)
        step[atom, axis] = h
        high, low = (evaluate(model, coord + s * step, box, atype)[3] for s in (1, -1))
        # atom by atom: the sum of small differences loses fewer digits
        found = -(high - low).sum() / (2 * h)
        np.testing.assert_allclose(force[atom, axis], found, rtol=1e-6, atol=2e-7)


def test_virial_is_minus_the_strain_derivative(model, frame):
    """virial = -dE/d(strain), rows: the direction of the derivative."""
    coord, box, atype = frame
    virial = evaluate(model, coord, box, atype)[2]
    h = 1e-5
    for a, b in ((0, 0), (1, 1), (0, 1), (2, 0)):
        strain = np.zeros((3, 3))
        strain[a, b] = h
        high, low = (
            evaluate(model, coord @ (np.eye(3) + s * strain), box @ (np.eye(3) + s * strain), atype)
            for s in (1, -1)
        )
        found = -(high[3] - low[3]).sum() / (2 * h)
        np.testing.assert_allclose(virial[a, b], found, rtol=1e-5, atol=1e-5)


def test_atomic_parts_sum_to_the_whole(model, frame):
    e, _, v, ae, av = evaluate(model, *frame)
    np.testing.assert_allclose(ae.sum(), e, **SYMMETRY["energy"])
    np.testing.assert_allclose(av.sum(axis=0), v, **SYMMETRY["virial"])


def test_forces_sum_to_zero(model, frame):
    force = evaluate(model, *frame)[1]
    assert np.abs(force).max() > 0.1
    np.testing.assert_allclose(force.sum(axis=0), 0, atol=1e-11)


def test_rotation(model, frame):
    coord, box, atype = frame
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    q *= np.sign(np.linalg.det(q))
    e, f, v, *_ = evaluate(model, coord, box, atype)
    e2, f2, v2, *_ = evaluate(model, coord @ q, box @ q, atype)
    np.testing.assert_allclose(e2, e, **SYMMETRY["energy"])
    np.testing.assert_allclose(f2, f @ q, **SYMMETRY["force"])
    np.testing.assert_allclose(v2, q.T @ v @ q, **SYMMETRY["virial"])


def test_translation_also_out_of_the_box(model, frame):
    coord, box, atype = frame
    e, f, v, *_ = evaluate(model, coord, box, atype)
    moved = coord + np.array([3.7, -25.1, 110.3])
    e2, f2, v2, *_ = evaluate(model, moved, box, atype)
    np.testing.assert_allclose(e2, e, **SYMMETRY["energy"])
    np.testing.assert_allclose(f2, f, **SYMMETRY["force"])
    np.testing.assert_allclose(v2, v, **SYMMETRY["virial"])


def test_permutation(model, frame):
    coord, box, atype = frame
    e, f, _, ae, _ = evaluate(model, coord, box, atype)
    order = np.random.default_rng(1).permutation(len(coord))
    e2, f2, _, ae2, _ = evaluate(model, coord[order], box, atype[order])
    np.testing.assert_allclose(e2, e, **SYMMETRY["energy"])
    np.testing.assert_allclose(f2, f[order], **SYMMETRY["force"])
    np.testing.assert_allclose(ae2, ae[order], **SYMMETRY["energy"])


def test_two_far_copies_are_twice_one(model, frame):
    coord, _, atype = frame
    e, f, *_ = evaluate(model, coord, None, atype)
    far = coord + np.array([200.0, 0, 0])
    e2, f2, *_ = evaluate(model, np.concatenate([coord, far]), None, np.concatenate([atype, atype]))
    np.testing.assert_allclose(e2, 2 * e, **SYMMETRY["energy"])
    np.testing.assert_allclose(f2, np.concatenate([f, f]), **SYMMETRY["force"])


def test_energy_and_force_are_continuous_through_rcut(model):
    """A pair that comes apart through rcut; the energy ends at that of two lone atoms."""
    atype = np.array([0, 1])
    rcut = model.get_rcut()
    distance = rcut + np.array([-1e-3, -1e-6, 1e-6, 1.0])
    found = [evaluate(model, np.array([[0, 0, 0], [0, 0, d]]), None, atype) for d in distance]
    energy = np.array([r[0] for r in found])
    np.testing.assert_allclose(energy, energy[-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose([r[1] for r in found], 0, atol=1e-6)


def test_continuous_beyond_the_training_range(model):
    """Two atoms approach to 0.1 A: through both sub-tables and onto the tangent."""
    atype = np.array([0, 1])
    d = np.linspace(0.1, 1.2, 2201)
    coord = np.zeros((len(d), 2, 3))
    coord[:, 1, 0] = d
    e, f, _ = model.eval(coord, None, atype)
    slope = np.gradient(e[:, 0], d)
    inner = slice(2, -2)
    # f changes by at most 3e4 eV/A^2 here, the grid is 5e-4 A wide
    np.testing.assert_allclose(
        -slope[inner], f[inner, 1, 0], rtol=2e-3, atol=FINITE_DIFFERENCE["atol"] + 2e-2
    )


def test_energy_does_not_drift(model, frame):
    """200 steps of velocity Verlet at 0.25 fs from rest: the change stays far below the kinetic
    energy that appears."""
    coord, box, atype = frame
    mass = np.where(atype == 0, 15.9994, 1.00794)[:, None] * 103.64269  # eV fs^2 / A^2
    velocity, dt = np.zeros_like(coord), 0.25
    e, f, *_ = evaluate(model, coord, box, atype)
    total = [e]
    kinetic = 0.0
    for _ in range(200):
        velocity += 0.5 * dt * f / mass
        coord = coord + dt * velocity
        e, f, *_ = evaluate(model, coord, box, atype)
        velocity += 0.5 * dt * f / mass
        kinetic = float(0.5 * (mass * velocity**2).sum())
        total.append(e + kinetic)
    assert kinetic > 0.05
    assert np.abs(np.array(total) - total[0]).max() < 5e-3 * kinetic

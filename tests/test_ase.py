# SPDX-License-Identifier: LGPL-3.0-or-later
"""Is the ASE calculator DeePMD-kit's, consistent with its own derivatives, right in any cell?"""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np
import pytest
from dponnx import DeepPot
from dponnx.runtime.errors import InputError
from tolerances import CALCULATOR, CENTRAL_STEP, central_difference_atol, parity
from toy_model import toy_model

ase = pytest.importorskip("ase", reason="ase is not installed (extra 'ase')")
from ase import Atoms, units  # noqa: E402
from ase.calculators.calculator import PropertyNotImplementedError  # noqa: E402
from ase.md.verlet import VelocityVerlet  # noqa: E402
from dponnx.ase import DP  # noqa: E402

VOIGT = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]


@pytest.fixture(scope="module")
def water(fixture_dir) -> Atoms:
    """64 molecules, periodic, slightly sheared."""
    folder = fixture_dir / "water"
    types = np.loadtxt(folder / "type.raw", dtype=int)
    atoms = Atoms(
        ["OH"[t] for t in types],
        positions=np.load(folder / "set.000" / "coord.npy")[0].reshape(-1, 3),
        cell=np.load(folder / "set.000" / "box.npy")[0].reshape(3, 3),
        pbc=True,
    )
    atoms.set_cell(atoms.cell.array @ [[1, 0.02, 0], [0, 1, 0.05], [0, 0, 1]], scale_atoms=True)
    return atoms


@pytest.fixture(scope="module")
def model(two_models) -> DeepPot:
    return DeepPot(two_models.onnx[0])


@pytest.fixture
def atoms(water, model) -> Atoms:
    copy = water.copy()
    copy.calc = DP(model)
    return copy


def energy(atoms: Atoms, model: DeepPot) -> float:
    atoms.calc = DP(model)
    return atoms.get_potential_energy()


def test_results_are_deepmds_with_the_original(atoms, two_models, deepmd):
    from deepmd.calculator import DP as Peer

    for pbc in (True, False):
        atoms.pbc = pbc
        reference = atoms.copy()
        reference.calc = Peer(two_models.original)
        for name in ("energy", "free_energy", "forces", "virial", *(["stress"] if pbc else [])):
            ours, theirs = (a.calc.get_property(name, a) for a in (atoms, reference))
            assert np.shape(ours) == np.shape(theirs), name
            quantity = {"free_energy": "energy", "forces": "force"}.get(name, name)
            np.testing.assert_allclose(ours, theirs, **parity("float64", quantity), err_msg=name)


@pytest.mark.parametrize("case", ["bulk", "triclinic", "nopbc", "sparse", "smallbox", "close"])
def test_reference_cases(fixture_dir, model, case):
    """Every way of standing in a box gives what DeePMD-kit gave for the original."""
    reference = np.load(fixture_dir / "sea_small_2side" / "reference.npz")
    box = reference.get(f"{case}_box")
    atoms = Atoms(
        ["OH"[t] for t in reference[f"{case}_atype"].reshape(-1)],
        positions=reference[f"{case}_coord"][0].reshape(-1, 3),
        cell=None if box is None else box[0].reshape(3, 3),
        pbc=box is not None,
    )
    atoms.calc = DP(model)
    for ours, name in ((atoms.get_potential_energy(), "energy"), (atoms.get_forces(), "force")):
        theirs = reference[f"{case}_orig_{name}"][0].reshape(np.shape(ours))
        np.testing.assert_allclose(ours, theirs, **parity("float64", name), err_msg=name)


def test_forces_are_the_energys_slope(atoms, model):
    forces = atoms.get_forces()
    for atom, axis in ((0, 0), (70, 1), (191, 2)):
        sides = []
        for step in (CENTRAL_STEP, -CENTRAL_STEP):
            moved = atoms.copy()
            moved.positions[atom, axis] += step
            sides.append(energy(moved, model))
        slope = (sides[0] - sides[1]) / (2 * CENTRAL_STEP)
        np.testing.assert_allclose(
            forces[atom, axis], -slope, rtol=0, atol=central_difference_atol(abs(sides[0]))
        )


@pytest.mark.parametrize("pbc", [(1, 1, 1), (1, 1, 0), (0, 1, 0)])
def test_stress_is_the_energys_slope_under_strain(atoms, model, pbc):
    atoms.pbc = pbc
    stress = atoms.get_stress()
    for k, (i, j) in enumerate(VOIGT):
        sides = []
        for step in (CENTRAL_STEP, -CENTRAL_STEP):
            strain = np.eye(3)
            strain[i, j] += step / 2
            strain[j, i] += step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            sides.append(energy(strained, model))
        slope = (sides[0] - sides[1]) / (2 * CENTRAL_STEP)
        # The third derivative by a strain moves every atom: about natoms times one atom's.
        atol = len(atoms) * central_difference_atol(abs(sides[0])) / atoms.get_volume()
        np.testing.assert_allclose(stress[k], slope / atoms.get_volume(), rtol=0, atol=atol)
    assert np.abs(stress).max() > 1e-3


def test_parts_of_atoms_add_up(atoms):
    calc = atoms.calc
    atoms.get_potential_energy()
    assert "energies" not in calc.results, "computed only where asked for"
    np.testing.assert_allclose(atoms.get_potential_energies().sum(), atoms.get_potential_energy())
    stresses = atoms.get_stresses()
    assert stresses.shape == (192, 6)
    np.testing.assert_allclose(stresses.sum(axis=0), atoms.get_stress(), **CALCULATOR)


def test_a_slab_meets_no_image_of_itself(water, model):
    """Whatever the third cell vector: as with a fully periodic cell of plenty of vacuum."""
    slab = water.copy()
    slab.pbc = (True, True, False)
    slab.positions[:3, 2] += 40  # a molecule far outside
    roomy = slab.copy()
    normal = np.cross(slab.cell[0], slab.cell[1])
    roomy.cell[2] = 90 * normal / np.linalg.norm(normal)
    roomy.pbc = True
    roomy.calc = DP(model)
    for vector in (slab.cell[2], [0, 0, 3], [0, 0, 0], slab.cell[0]):
        slab.cell[2] = vector
        slab.calc = DP(model)
        np.testing.assert_allclose(
            slab.get_potential_energy(), roomy.get_potential_energy(), **CALCULATOR
        )
        np.testing.assert_allclose(slab.get_forces(), roomy.get_forces(), **CALCULATOR)
    full = water.copy()
    assert abs(energy(full, model) - slab.get_potential_energy()) > 1


def test_a_wire_is_periodic_along_itself(water, model):
    """Two cells of a wire have twice the energy of one, and no stress without a volume."""
    wire = water[:24]
    wire.pbc = (False, True, False)
    wire.cell = [[0, 0, 0], [1, 14, 2], [0, 0, 0]]
    wire.calc = DP(model)
    double = wire.repeat((1, 2, 1))
    double.calc = DP(model)
    once = wire.get_potential_energy()
    np.testing.assert_allclose(double.get_potential_energy(), 2 * once, **CALCULATOR)
    np.testing.assert_allclose(double.get_forces()[:24], wire.get_forces(), **CALCULATOR)
    with pytest.raises(PropertyNotImplementedError, match="no volume"):
        wire.get_stress()
    molecule = wire.copy()
    molecule.pbc = False
    assert abs(energy(molecule, model) - once) > 1e-6
    with pytest.raises(PropertyNotImplementedError):
        molecule.get_stress()
    wire.pbc = (True, False, False)
    wire.cell[0] = np.nan
    with pytest.raises(InputError, match="box contains NaN or infinity"):
        wire.get_potential_energy()
    wire.cell[0] = 0
    with pytest.raises(InputError, match="independent vectors where it repeats"):
        wire.get_potential_energy()


def test_energy_is_kept_in_a_short_run(atoms):
    """20 fs of NVE: the total energy moves less than 1/500 of what the kinetic energy does."""
    run = VelocityVerlet(atoms, timestep=0.25 * units.fs)
    total, kinetic = [], []
    for _ in run.irun(80):
        total.append(atoms.get_total_energy())
        kinetic.append(atoms.get_kinetic_energy())
    assert np.ptp(kinetic) > 1
    assert np.ptp(total) < 2e-3 * np.ptp(kinetic)


def test_the_model_is_opened_once(water, two_models, monkeypatch):
    opened = []
    original = DeepPot.__init__

    def counting(self, *arguments, **options):
        opened.append(arguments)
        original(self, *arguments, **options)

    monkeypatch.setattr(DeepPot, "__init__", counting)
    atoms = water.copy()
    atoms.calc = DP(str(two_models.onnx[0]), threads=1)
    for _ in range(3):
        atoms.rattle(0.01)
        atoms.get_forces()
    assert len(opened) == 1


def test_type_dict_and_unknown_elements(water, model):
    swapped = water.copy()
    swapped.calc = DP(model, type_dict={"H": 0, "O": 1})
    other = water.copy()
    other.symbols[:] = ["OH"[symbol == "O"] for symbol in water.symbols]
    np.testing.assert_allclose(swapped.get_potential_energy(), energy(other, model), rtol=1e-14)
    strange = Atoms("OHeN")
    strange.calc = DP(model)
    with pytest.raises(InputError, match="no type for He N; it has O H"):
        strange.get_potential_energy()
    with pytest.raises(InputError, match="gives O type 2; the model has types 0 to 1"):
        DP(model, type_dict={"O": 2})
    with pytest.raises(InputError, match="gives H type 'first'; the model has"):
        DP(model, type_dict={"O": 1, "H": "first"})
    with pytest.raises(InputError, match="type_dict is .'O', 'H'.; expected {symbol: type index}"):
        DP(model, type_dict=["O", "H"])
    with pytest.raises(InputError, match="no option 'thread'; expected one of"):
        DP(model, thread=1)
    with pytest.raises(InputError, match="open already; leave out threads"):
        DP(model, threads=1)
    assert DP(model, head=None, neighbor_list=None).dp is model


def test_parameters_of_atoms_and_calculator(ort):
    model = DeepPot.from_bytes(toy_model(dfparam=2, daparam=1))
    atoms = Atoms("OHH", positions=np.eye(3) + 1)
    aparam = [[0.1], [0.2], [0.3]]

    def expected(fparam) -> float:
        return model.eval(atoms.positions, None, [0, 1, 1], fparam=fparam, aparam=aparam)[0].item()

    atoms.calc = DP(model, fparam=[1, 2], aparam=aparam)
    assert atoms.get_potential_energy() == expected([1, 2])
    atoms.info["fparam"] = [3, 4]
    assert atoms.get_potential_energy() == expected([3, 4]), "a change of atoms.info counts"
    atoms.info["fparam"] = [5, 6]
    assert atoms.get_potential_energy() == expected([5, 6])
    atoms.calc = DP(model)
    with pytest.raises(InputError, match="aparam is missing"):
        atoms.get_potential_energy()


def test_without_ase_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ase", None)
    monkeypatch.delitem(sys.modules, "dponnx.runtime.ase")
    with pytest.raises(ImportError, match=r"pip install 'dponnx\[ase\]'"):
        import_module("dponnx.runtime.ase")

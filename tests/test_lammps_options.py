# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do units, hybrid styles, parameters, scale, restarts and threads of pair_style dponnx do what
they say? Mostly with the toy potential, whose energy is known."""

from __future__ import annotations

import lammps_runs as lmp
import numpy as np
import pytest
from toy_model import toy_energy, toy_model

pytestmark = pytest.mark.usefixtures("lammps", "ort")

BOX = np.array([[7.0, 0, 0], [1.5, 6.5, 0], [-1.0, 0.7, 7.2]])
TYPES = np.array([0, 1, 1, 0, 1, 0, 1, 1, 0, 1])
COORD = np.random.default_rng(5).uniform(0, 1, (10, 3)) @ BOX
ENERGY = toy_energy(COORD, BOX, TYPES)
# Sums of a few hundred terms of order 1, printed with 17 digits.
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture
def folder(tmp_path):
    """A folder with the toy potential and ten atoms."""
    (tmp_path / "toy.onnx").write_bytes(toy_model())
    lmp.write_data(tmp_path / "atoms.data", COORD, TYPES, BOX)
    return tmp_path


def result(folder, style="pair_style dponnx toy.onnx\npair_coeff * * O H", more="", ranks=1):
    """One frame of atoms.data."""
    script = lmp.HEAD.format(boundary="p p p", data="atoms.data") + style + "\n" + more
    output = lmp.run(folder, script + lmp.RESULTS.format(dump="d.dump"), ranks)
    return lmp.read_result(output, folder / "d.dump")


@pytest.mark.parametrize("ranks", [1, 2])
def test_energy_is_the_oracles(folder, ranks):
    found = result(folder, ranks=ranks)
    np.testing.assert_allclose(found.energy, ENERGY, **CLOSE)
    np.testing.assert_allclose(found.atom_energy.sum(), ENERGY, **CLOSE)
    np.testing.assert_allclose(found.tensor()[lmp.PRESSURE], found.virial, **CLOSE)


def test_types_in_order_and_by_name(folder):
    """Without names the first type is the model's first; with names, whatever they say."""
    plain = result(folder, "pair_style dponnx toy.onnx\npair_coeff * *")
    np.testing.assert_allclose(plain.energy, ENERGY, **CLOSE)
    swapped = result(folder, "pair_style dponnx toy.onnx\npair_coeff * * H O")
    np.testing.assert_allclose(swapped.energy, toy_energy(COORD, BOX, 1 - TYPES), **CLOSE)


# Energy and length of 1 eV, 1 angstrom, and bar, in LAMMPS's units: its manual, page `units`,
# and CODATA. LAMMPS rounds its constants to 6 or 7 digits.
UNITS = {
    "real": (23.060548, 1.0, 1 / 1.01325),
    "si": (1.602177e-19, 1e-10, 1e5),
    "cgs": (1.602177e-12, 1e-8, 1e6),
    "electron": (1 / 27.211386, 1 / 0.529177211, 1e5),
    "micro": (1.602177e-4, 1e-4, 1e2),
    "nano": (1.602177e2, 1e-1, 1e-1),
}


@pytest.mark.parametrize("units", UNITS)
def test_every_unit_style_is_converted(folder, units):
    energy, length, bar = UNITS[units]
    plain = result(folder)
    lmp.write_data(folder / "scaled.data", COORD * length, TYPES, BOX * length)
    script = lmp.HEAD.format(boundary="p p p", data="scaled.data").replace("metal", units)
    script += f"neighbor {2 * length:.17g} bin\npair_style dponnx toy.onnx\npair_coeff * * O H\n"
    output = lmp.run(folder, script + lmp.RESULTS.format(dump="u.dump"))
    found = lmp.read_result(output, folder / "u.dump")
    close = {"rtol": 2e-5, "atol": 1e-6 * energy}
    np.testing.assert_allclose(found.energy, plain.energy * energy, **close)
    np.testing.assert_allclose(found.force, plain.force * energy / length, rtol=2e-5, atol=0)
    np.testing.assert_allclose(found.atom_energy, plain.atom_energy * energy, **close)
    # read_result takes pressures for bar; virial = pressure x volume, in angstrom^3.
    np.testing.assert_allclose(found.virial / (bar * length**3), plain.virial, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(
        found.atom_virial / (bar * length**3), plain.atom_virial, rtol=2e-5, atol=2e-5
    )


def test_null_types_have_no_interaction(folder):
    found = result(folder, "pair_style dponnx toy.onnx\npair_coeff * * NULL H")
    only = TYPES == 1
    expected = toy_energy(COORD[only], BOX, TYPES[only])
    np.testing.assert_allclose(found.energy, expected, **CLOSE)
    assert not found.force[~only].any() and not found.atom_energy[~only].any()


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_leaves_other_types_to_other_styles(folder, ranks):
    lj = "lj/cut 3.0"
    style = f"pair_style hybrid dponnx toy.onnx {lj}\npair_coeff * * dponnx NULL H\n"
    style += "pair_coeff 1 * lj/cut 0.01 1.0\npair_modify pair lj/cut shift no\n"
    found = result(folder, style, ranks=ranks)
    rest = f"pair_style {lj}\npair_coeff 1 * 0.01 1.0\npair_coeff 2 2 0 1.0\n"
    other = result(folder, rest)
    alone = result(folder, "pair_style dponnx toy.onnx\npair_coeff * * NULL H")
    sum_to(found, other, alone)


def test_hybrid_overlay_adds(folder):
    """Two models on the same atoms, and a pair style of LAMMPS's."""
    (folder / "half.onnx").write_bytes(toy_model(scale=0.5))
    style = "pair_style hybrid/overlay dponnx toy.onnx dponnx half.onnx lj/cut 2.5\n"
    style += "pair_coeff * * dponnx 1 O H\npair_coeff * * dponnx 2 O H\n"
    found = result(folder, style + "pair_coeff * * lj/cut 0.01 1.0")
    once = result(folder)
    half = result(folder, "pair_style dponnx half.onnx\npair_coeff * * O H")
    np.testing.assert_allclose(half.energy, 0.5 * ENERGY, **CLOSE)
    sum_to(found, once, half, result(folder, "pair_style lj/cut 2.5\npair_coeff * * 0.01 1.0"))


def sum_to(whole, *parts):
    for name in ("energy", "force", "virial", "atom_energy"):
        total = sum(getattr(part, name) for part in parts)
        np.testing.assert_allclose(getattr(whole, name), total, rtol=1e-11, atol=1e-11)


def test_stress_atom_gets_the_symmetric_part(folder):
    more = "compute s all stress/atom NULL pair\ncompute t all reduce sum c_s[*]\n"
    more += "thermo_style custom c_t[*]\nrun 0\nprint 'SUM $(c_t[4]:%.17g) $(c_t[1]:%.17g)'\n"
    script = lmp.HEAD.format(boundary="p p p", data="atoms.data")
    script += "pair_style dponnx toy.onnx\npair_coeff * * O H\n" + more
    output = lmp.run(folder, script)
    xy, xx = [x for x in output.splitlines() if x.startswith("SUM")][-1].split()[1:]
    virial = result(folder).virial
    np.testing.assert_allclose([float(xx), float(xy)], -virial[[0, 3]] * lmp.NKTV2P, rtol=1e-11)


def test_frame_parameters_given_and_from_a_vector(folder):
    """The toy adds sum(fparam) to the energy: of the frame, so on one rank only."""
    (folder / "toy.onnx").write_bytes(toy_model(dfparam=2))
    coeff = "\npair_coeff * * O H"
    found = result(folder, "pair_style dponnx toy.onnx fparam 0.5 -0.125" + coeff)
    np.testing.assert_allclose(found.energy, ENERGY + 0.375, **CLOSE)
    style = "compute c all com\npair_style dponnx toy.onnx fparam_from_compute c"
    found = result(folder, style + coeff)
    np.testing.assert_allclose(found.energy, ENERGY + found.coord.mean(axis=0)[:2].sum(), **CLOSE)


@pytest.mark.parametrize("ranks", [1, 2])
def test_atomic_parameters_given_and_from_a_compute(folder, ranks):
    """The toy adds the square of each aparam to the energy."""
    coeff = "\npair_coeff * * O H"
    (folder / "toy.onnx").write_bytes(toy_model(daparam=1))
    found = result(folder, "pair_style dponnx toy.onnx aparam 0.3" + coeff, ranks=ranks)
    np.testing.assert_allclose(found.energy, ENERGY + 10 * 0.09, **CLOSE)
    style = "compute x all property/atom x\npair_style dponnx toy.onnx aparam_from_compute x"
    found = result(folder, style + coeff, ranks=ranks)
    np.testing.assert_allclose(found.energy, ENERGY + (found.coord[:, 0] ** 2).sum(), **CLOSE)
    (folder / "toy.onnx").write_bytes(toy_model(daparam=2))
    found = result(folder, style.replace("atom x", "atom x y") + coeff, ranks=ranks)
    np.testing.assert_allclose(found.energy, ENERGY + (found.coord[:, :2] ** 2).sum(), **CLOSE)


def test_a_scalar_compute_gives_one_parameter(folder):
    (folder / "toy.onnx").write_bytes(toy_model(dfparam=1))
    style = "compute g all gyration\npair_style dponnx toy.onnx fparam_from_compute g\n"
    found = result(folder, style + "pair_coeff * * O H")
    gyration = np.sqrt(((found.coord - found.coord.mean(axis=0)) ** 2).sum() / 10)
    np.testing.assert_allclose(found.energy, ENERGY + gyration, **CLOSE)


def test_scale_of_fix_adapt(folder):
    more = "fix s all adapt 1 pair dponnx scale * * v_s\nvariable s equal 0.25\n"
    found, plain = result(folder, more=more), result(folder)
    for name in ("energy", "force", "virial", "atom_energy", "atom_virial"):
        expected = 0.25 * getattr(plain, name)
        np.testing.assert_allclose(getattr(found, name), expected, rtol=1e-13, atol=1e-14)


def test_threads_change_nothing(folder):
    coeff = "\npair_coeff * * O H"
    two = result(folder, "pair_style dponnx toy.onnx threads 2" + coeff)
    np.testing.assert_allclose(two.force, result(folder).force, **CLOSE)


MOVE = """
velocity all create 2000 7 loop geom
timestep 0.001
fix 1 all nve
"""


def test_lists_are_kept_between_rebuilds_only(folder):
    """A run with lists built every step, one with few, one on two ranks: the same trajectory."""
    found = [
        result(folder, more=MOVE + more + "run 40\n", ranks=ranks)
        for more, ranks in [
            ("neigh_modify every 1 delay 0 check no\n", 1),
            ("neigh_modify every 1 delay 0 check yes\n", 1),
            ("", 2),
        ]
    ]
    assert np.abs(found[0].coord - COORD).max() > 0.1
    for other in found[1:]:
        np.testing.assert_allclose(other.force, found[0].force, rtol=0, atol=1e-9)
        np.testing.assert_allclose(other.energy, found[0].energy, rtol=0, atol=1e-9)


def test_a_new_list_of_as_many_atoms_is_noticed(folder):
    """Without images nothing but the list changes when atoms meet others."""
    coord = np.random.default_rng(2).uniform(0, 12, (24, 3))
    types = np.arange(24) % 2
    lmp.write_data(folder / "gas.data", coord, types, None)
    head = lmp.HEAD.format(boundary="s s s", data="gas.data")
    head += "pair_style dponnx toy.onnx\npair_coeff * * O H\nneighbor 0.5 bin\n" + MOVE
    output = lmp.run(folder, head + "run 40\nrun 40 pre no\n" + END)
    found = read_energy(output, folder / "end.dump")
    assert np.abs(found[1] - coord).max() > 1
    assert "Neighbor list builds = 0" not in output
    np.testing.assert_allclose(found[0], toy_energy(found[1], None, types), **CLOSE)


# The energy of the last step, as computed there, and where the atoms were.
END = """
print 'PE $(pe:%.17g)'
write_dump all custom end.dump id type x y z modify sort id format float %.17g
"""


def read_energy(output, dump):
    line = [x for x in output.splitlines() if x.startswith("PE ")][-1]
    return float(line.split()[1]), lmp.read_dump(dump)[-1][:, 2:5]


def test_types_may_change_between_rebuilds(folder):
    """`pre no` goes on with the old list."""
    coord, types = COORD[:4], np.array([0, 1, 1, 0])
    lmp.write_data(folder / "gas.data", coord, types, None)
    head = lmp.HEAD.format(boundary="s s s", data="gas.data")
    head += "pair_style dponnx toy.onnx\npair_coeff * * O H\nneigh_modify once yes\n" + MOVE
    output = lmp.run(folder, head + "run 1\nset atom 1 type 2\nrun 1 pre no\n" + END)
    energy, moved = read_energy(output, folder / "end.dump")
    np.testing.assert_allclose(energy, toy_energy(moved, None, np.array([1, 1, 1, 0])), **CLOSE)
    assert abs(energy - toy_energy(moved, None, types)) > 1e-3


STYLE = "pair_style dponnx toy.onnx half.onnx out_freq 2 overflow ignore\npair_coeff * * O H\n"


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_run_goes_on_from_a_restart_file(folder, ranks):
    """Models, options and types come from the file; model_devi.out is continued."""
    (folder / "half.onnx").write_bytes(toy_model(scale=0.5))
    head = lmp.HEAD.format(boundary="p p p", data="atoms.data") + STYLE + MOVE
    whole = lmp.run(
        folder, head + "run 4\nwrite_restart r\nrun 4\n" + lmp.RESULTS.format(dump="a"), ranks
    )
    lines = (folder / "model_devi.out").read_text().splitlines()
    lmp.run(folder, head + "run 4\n", ranks)
    more = "fix 1 all nve\ntimestep 0.001\nrun 4\n"
    again = lmp.run(folder, "read_restart r\n" + more + lmp.RESULTS.format(dump="b"), ranks)
    first, second = lmp.read_result(whole, folder / "a"), lmp.read_result(again, folder / "b")
    np.testing.assert_allclose(second.force, first.force, rtol=0, atol=1e-10)
    assert (folder / "model_devi.out").read_text().splitlines() == lines
    assert [line.split()[0] for line in lines] == ["#", *"0 2 4 4 6 8 8".split()]


def test_other_models_may_take_over_after_a_restart(folder):
    """The models a restart file names need not be there if pair_style is given again."""
    (folder / "half.onnx").write_bytes(toy_model(scale=0.5))
    head = lmp.HEAD.format(boundary="p p p", data="atoms.data") + STYLE
    lmp.run(folder, head + "run 0\nwrite_restart r\n")
    (folder / "half.onnx").rename(folder / "other.onnx")
    style = "pair_style dponnx other.onnx\npair_coeff * * O H\n"
    output = lmp.run(folder, "read_restart r\n" + style + lmp.RESULTS.format(dump="b"))
    np.testing.assert_allclose(lmp.read_result(output, folder / "b").energy, 0.5 * ENERGY, **CLOSE)
    failed = lmp.launch(folder, "read_restart r\nrun 0\n")
    assert failed.returncode != 0 and "half.onnx: no such file" in failed.stdout


def test_banner_names_what_runs(folder):
    (folder / "half.onnx").write_bytes(toy_model(scale=0.5))
    head = lmp.HEAD.format(boundary="p p p", data="atoms.data")
    style = "pair_style dponnx toy.onnx half.onnx threads 2\npair_coeff * * H NULL\nrun 0\n"
    output = lmp.run(folder, head + style, ranks=2)
    for text in (
        "CPU, 2 threads a rank",
        "model toy.onnx: types O H, cutoff 3 angstrom, float64, not compressed",
        "compared with half.onnx",
        "model deviation every 100 steps in model_devi.out",
        "atom types: 1 H 2 NULL",
    ):
        assert output.count(text) == 1, text
    assert "doi:10.1063/5.0155600" not in output  # -nocite

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does DeepPot.eval carry a model's rows to the caller's atoms and frames, in any shape?"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx.runtime.deep_pot import DeepPot
from dponnx.runtime.errors import DponnxError, InputError, ModelFormatError
from dponnx.runtime.session import default_threads
from toy_model import toy_energy, toy_model

CELL = np.array([[5.0, 0, 0], [1.5, 4.5, 0], [-1.0, 0.7, 5.2]])  # below 2 rcut
TYPES = np.array([1, 0, 1, 0, 0, 1, 1])
COORD = np.random.default_rng(3).uniform(-4, 8, (2, 7, 3))


@pytest.fixture(scope="module")
def model(toy_bytes):
    return DeepPot.from_bytes(toy_bytes, "toy", threads=1)


@pytest.mark.parametrize("cell", [None, CELL], ids=["none", "triclinic"])
def test_energy_is_the_oracles(model, cell):
    cells = None if cell is None else np.stack([cell, 1.1 * cell])
    energy = model.eval(COORD, cells, TYPES)[0]
    expected = [
        toy_energy(x, None if cells is None else cells[k], TYPES) for k, x in enumerate(COORD)
    ]
    np.testing.assert_allclose(energy[:, 0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", [None, CELL], ids=["none", "triclinic"])
def test_force_is_minus_the_slope_of_the_energy(model, cell):
    coord, h = COORD[0], 1e-5
    force = model.eval(coord[None], cell, TYPES)[1][0]
    slope = np.zeros_like(coord)
    for atom, axis in np.ndindex(*coord.shape):
        step = np.zeros_like(coord)
        step[atom, axis] = h
        ends = [toy_energy(coord + sign * step, cell, TYPES) for sign in (1, -1)]
        slope[atom, axis] = (ends[0] - ends[1]) / (2 * h)
    np.testing.assert_allclose(force, -slope, rtol=1e-7, atol=1e-8)


def test_virial_is_minus_the_slope_in_the_strain(model):
    coord, h = COORD[0], 1e-5
    virial = model.eval(coord[None], CELL, TYPES)[2].reshape(3, 3)
    slope = np.zeros((3, 3))
    for a, b in np.ndindex(3, 3):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * h
            energies.append(toy_energy(coord @ strain, CELL @ strain, TYPES))
        slope[a, b] = (energies[0] - energies[1]) / (2 * h)
    np.testing.assert_allclose(virial, -slope, rtol=1e-7, atol=1e-8)


def test_atomic_parts_sum_to_the_whole(model):
    e, _, v, ae, av = model.eval(COORD, np.stack([CELL, CELL]), TYPES, atomic=True)
    assert (ae.shape, av.shape) == ((2, 7, 1), (2, 7, 9))
    np.testing.assert_allclose(ae.sum(axis=1), e, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(av.sum(axis=1), v, rtol=1e-12, atol=1e-12)


def test_order_of_atoms_is_the_callers(model):
    order = np.random.default_rng(4).permutation(7)
    one = model.eval(COORD, np.stack([CELL, CELL]), TYPES, atomic=True)
    two = model.eval(COORD[:, order], np.stack([CELL, CELL]), TYPES[order], atomic=True)
    for k in (1, 3, 4):
        np.testing.assert_allclose(two[k], one[k][:, order], rtol=1e-11, atol=1e-12)


def test_flattened_lists_and_single_frames_are_accepted(model):
    whole = model.eval(COORD, np.stack([CELL, CELL]), TYPES)
    flat = model.eval(COORD.reshape(2, -1).tolist(), [CELL.ravel().tolist()] * 2, TYPES.tolist())
    one = model.eval(COORD[0], CELL, TYPES)
    for a, b, c in zip(whole, flat, one, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a[:1], c)
    assert [a.shape for a in whole] == [(2, 1), (2, 7, 3), (2, 9)]


@pytest.mark.parametrize("pbc", [(1, 1, 0), (0, 1, 0), (0, 0, 0)])
def test_a_cell_that_repeats_in_some_directions(model, pbc):
    """As in a cell of plenty of vacuum, whatever the vectors of the others are."""
    pbc, roomy = np.array(pbc, dtype=bool), CELL.copy()
    normals = np.linalg.svd(CELL[pbc])[2][pbc.sum() :] if pbc.any() else np.eye(3)
    roomy[~pbc] = 60 * normals
    expected = [toy_energy(x, roomy if pbc.any() else None, TYPES) for x in COORD]
    for vector in (CELL[0], np.zeros(3)):
        cells = np.stack([np.where(pbc[:, None], CELL, vector)] * 2)
        energy = model.eval(COORD, cells, TYPES, pbc=pbc)[0]
        np.testing.assert_allclose(energy[:, 0], expected, rtol=1e-12, atol=1e-12)
    whole = model.eval(COORD, np.stack([CELL] * 2), TYPES, pbc=True)
    np.testing.assert_array_equal(whole[0], model.eval(COORD, np.stack([CELL] * 2), TYPES)[0])
    assert np.abs(whole[0][:, 0] - expected).min() > 1e-3


def test_mixed_type_and_virtual_atoms(model):
    types = np.stack([TYPES, TYPES[::-1]])
    types[1, 2] = -1
    e, f, _, ae, av = model.eval(COORD, None, types, atomic=True, mixed_type=True)
    for k in (0, 1):
        np.testing.assert_allclose(e[k, 0], toy_energy(COORD[k], None, types[k]), rtol=1e-12)
    for part in (f, ae, av):
        np.testing.assert_array_equal(part[1, 2], 0.0)


def test_no_atoms_and_only_virtual_atoms_have_zero_energy(model):
    for coords, types in ((np.zeros((1, 0)), []), (COORD[:1], [-1] * 7)):
        e, f, v = model.eval(coords, CELL, types)
        assert e == 0 and f.shape == (1, len(types), 3) and not f.any() and not v.any()


def test_fparam_and_aparam(ort):
    model = DeepPot.from_bytes(toy_model(dfparam=2, daparam=1), "toy")
    base = model.eval(COORD, None, TYPES, fparam=[0, 0], aparam=[0])[0]
    aparam = np.arange(14.0).reshape(2, 7, 1)
    fparam = np.array([[1.0, 2.0], [3.0, 4.0]])
    e, _, _, ae, _ = model.eval(COORD, None, TYPES, atomic=True, fparam=fparam, aparam=aparam)
    added = fparam.sum(1) + (aparam**2).sum((1, 2))
    np.testing.assert_allclose((e - base)[:, 0], added, rtol=1e-12)
    zero = model.eval(COORD, None, TYPES, atomic=True, fparam=[0, 0], aparam=[0])[3]
    np.testing.assert_allclose((ae - zero), aparam**2, rtol=1e-12, atol=1e-12)
    same = model.eval(COORD, None, TYPES, fparam=[1, 2], aparam=aparam[0])[0]
    np.testing.assert_allclose((same - base)[:, 0], 3 + (aparam[0] ** 2).sum(), rtol=1e-12)
    with pytest.raises(InputError, match="fparam is missing"):
        model.eval(COORD, None, TYPES, aparam=[0])
    with pytest.raises(InputError, match=r"aparam has shape \(3,\)"):
        model.eval(COORD, None, TYPES, fparam=[0, 0], aparam=[1, 2, 3])


def test_getters(model):
    assert (model.get_rcut(), model.get_ntypes(), model.get_type_map()) == (3.0, 2, ["O", "H"])
    assert (model.get_dim_fparam(), model.get_dim_aparam(), model.get_sel()) == (0, 0, [30, 30])
    assert model.metadata["format"] == "dponnx-1"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (dict(coords=np.zeros((1, 20))), "coords has shape"),
        (dict(coords="text"), "not an array of numbers"),
        (dict(cells=np.zeros((1, 8))), "cells has shape"),
        (dict(cells=np.stack([CELL] * 3)), "cells holds 3 frames, coords 2"),
        (dict(cells=np.zeros((2, 9))), "frame 0: box"),
        (dict(atom_types=[0.5] * 7), "expected integers"),
        (dict(atom_types=[0, 1, 2, 0, 0, 0, 0]), "frame 0: atom 2 has type 2"),
        (dict(atom_types=[]), "names no atoms"),
        (dict(mixed_type=True), "mixed_type"),
        (dict(fparam=[1.0]), "takes none"),
        (dict(pbc=True), "cells is None"),
        (dict(cells=np.stack([CELL] * 2), pbc=[True, False]), "a bool, or one for each"),
        (dict(cells=np.stack([CELL] * 2), pbc=[1, 1, 0]), "a bool, or one for each"),
    ],
)
def test_wrong_arrays(model, change, says):
    arguments = dict(coords=COORD, cells=None, atom_types=TYPES) | change
    with pytest.raises(InputError) as error:
        model.eval(**arguments)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_failing_frame_names_itself(ort):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra 'convert')")
    lying = onnx.load_from_string(toy_model(dfparam=2))
    next(p for p in lying.metadata_props if p.key == "dfparam").value = "1"
    model = DeepPot.from_bytes(lying.SerializeToString(), "broken")
    with pytest.raises(DponnxError, match="frame 0: broken: ONNX Runtime failed") as error:
        model.eval(COORD, None, TYPES, fparam=[1.0])
    assert "\n" not in str(error.value)


def test_threads_come_from_the_environment(monkeypatch):
    monkeypatch.delenv("DP_INTRA_OP_PARALLELISM_THREADS", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert default_threads() == 0
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert default_threads() == 3
    monkeypatch.setenv("DP_INTRA_OP_PARALLELISM_THREADS", "2")
    assert default_threads() == 2
    monkeypatch.setenv("DP_INTRA_OP_PARALLELISM_THREADS", "many")
    with pytest.raises(InputError, match="DP_INTRA_OP_PARALLELISM_THREADS"):
        default_threads()


def test_files_that_are_no_models(tmp_path, toy_bytes):
    def refused(name, data, kind, says):
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(kind) as error:
            DeepPot(path)
        assert says in str(error.value) and str(path) in str(error.value)
        assert "\n" not in str(error.value)

    refused("missing.onnx", None, InputError, "no such file")
    refused("", None, InputError, "is a folder")
    refused("graph.pb", b"x", InputError, "dponnx convert -i graph.pb")
    refused("empty.onnx", b"", ModelFormatError, "is empty")
    refused("text.onnx", b"this is no model\n" * 40, ModelFormatError, "not an ONNX file")
    refused("zeros.onnx", bytes(400), ModelFormatError, "not an ONNX file")
    refused("cut.onnx", toy_bytes[:-7], ModelFormatError, "damaged")
    refused("half.onnx", toy_bytes[: len(toy_bytes) // 2], ModelFormatError, "damaged")
    other = toy_model(format=None)
    refused("other.onnx", other, ModelFormatError, "no 'format' entry")
    refused("new.onnx", toy_model(format="dponnx-2"), ModelFormatError, "Upgrade dponnx")
    refused("rcut.onnx", toy_model(rcut="six"), ModelFormatError, "'rcut' is 'six'")
    refused("sel.onnx", toy_model(sel=None), ModelFormatError, "'sel' is missing")
    for text in ("7", "[1]", "{}", "[{]"):
        wrong = toy_model(tables=text)
        refused("tables.onnx", wrong, ModelFormatError, f"'tables' is {text!r}")
    refused("type.onnx", toy_model(model_type="a\nb"), InputError, r"model type is 'a\nb'")
    broken = toy_bytes.replace(b"ReduceSum", b"NoSuchOp!")
    refused("op.onnx", broken, ModelFormatError, "ONNX Runtime refuses it")


def test_unknown_device(toy_path):
    with pytest.raises(InputError, match="expected 'cpu', 'cuda', 'cuda:N' or 'auto'"):
        DeepPot(toy_path, device="tpu")


def test_missing_onnxruntime_names_the_extra(toy_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r"pip install 'dponnx\[cpu\]'"):
        DeepPot(toy_path)


@pytest.mark.parametrize("case", ["bulk", "triclinic", "nopbc", "sparse", "smallbox", "close"])
def test_converted_models_give_deepmds_numbers(converter, operators, shared, case):
    """The uncompressed conversion against DeePMD-kit 3.2 (shared/README.md)."""
    folder = shared / "models" / "sea_small_2side"
    reference = np.load(folder / "reference.npz")
    original = DeepPot.from_bytes(converter.convert_to_bytes(folder / "graph.pb"), "sea")
    box = reference.get(f"{case}_box")
    found = original.eval(reference[f"{case}_coord"], box, reference[f"{case}_atype"], atomic=True)
    names = ("energy", "force", "virial", "atom_energy", "atom_virial")
    for name, value in zip(names, found, strict=True):
        expected = reference[f"{case}_orig_{name}"].reshape(value.shape)
        # Sums in another order: 1e-14 relative of an energy of 1e4 eV, 1e-12 eV elsewhere.
        np.testing.assert_allclose(value, expected, rtol=1e-13, atol=1e-11, err_msg=name)

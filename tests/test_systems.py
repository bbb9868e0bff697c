# SPDX-License-Identifier: LGPL-3.0-or-later
"""Are DeePMD-kit's data folders read as DeePMD-kit reads them, and wrong ones refused?"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx.runtime.errors import InputError
from dponnx.runtime.systems import System, find_systems


def write_system(path, *, types=(0, 1, 1), names="O H", sets=(2,), nopbc=False, **arrays):
    """A system of len(types) atoms on disk; sets: frames of each set; arrays: extra files."""
    path.mkdir(parents=True)
    (path / "type.raw").write_text("\n".join(map(str, types)) + "\n")
    if names:
        (path / "type_map.raw").write_text("\n".join(names.split()) + "\n")
    if nopbc:
        (path / "nopbc").touch()
    rng = np.random.default_rng(5)
    for k, nframes in enumerate(sets):
        folder = path / f"set.{k:03d}"
        folder.mkdir()
        np.save(folder / "coord.npy", rng.uniform(0, 6, (nframes, 3 * len(types))))
        if not nopbc:
            np.save(folder / "box.npy", np.tile(6.0 * np.eye(3).ravel(), (nframes, 1)))
        for name, value in arrays.items():
            np.save(folder / f"{name}.npy", value)
    return path


def test_frames_of_every_set_in_order(tmp_path):
    path = write_system(tmp_path / "a", sets=(2, 1))
    frames = list(System.open(path).frames(["O", "H"]))
    raw = [np.load(path / f"set.{k:03d}" / "coord.npy") for k in (0, 1)]
    np.testing.assert_array_equal(
        np.stack([f.coord for f in frames]), np.concatenate(raw).reshape(3, 3, 3)
    )
    np.testing.assert_array_equal(frames[0].cell, 6 * np.eye(3))
    np.testing.assert_array_equal(frames[0].atype, [0, 1, 1])


def test_types_are_renamed_to_the_models(tmp_path):
    system = System.open(write_system(tmp_path / "a"))
    np.testing.assert_array_equal(next(system.frames(["H", "C", "O"])).atype, [2, 0, 0])
    with pytest.raises(InputError, match="'H' is not in the model's type map") as error:
        next(system.frames(["O", "C"]))
    assert str(tmp_path / "a") in str(error.value)


def test_names_no_atom_uses_may_be_unknown(tmp_path):
    system = System.open(write_system(tmp_path / "a", types=(0, 0), names="O H"))
    np.testing.assert_array_equal(next(system.frames(["O"])).atype, [0, 0])


def test_without_type_map_types_are_the_models(tmp_path):
    system = System.open(write_system(tmp_path / "a", names=None))
    np.testing.assert_array_equal(next(system.frames(["X", "Y"])).atype, [0, 1, 1])
    with pytest.raises(InputError, match="type 1; expected 0 to 0"):
        next(system.frames(["X"]))


def test_nopbc_has_no_cell(tmp_path):
    assert next(System.open(write_system(tmp_path / "a", nopbc=True)).frames("OH")).cell is None


def test_mixed_types_and_virtual_atoms(tmp_path):
    types = np.array([[0, 1, -1], [1, 1, 0]])
    path = write_system(tmp_path / "a", types=(0, 0, 0), real_atom_types=types)
    frames = list(System.open(path).frames(["H", "O"]))
    np.testing.assert_array_equal(np.stack([f.atype for f in frames]), [[1, 0, -1], [0, 0, 1]])


def test_parameters_and_labels(tmp_path):
    path = write_system(
        tmp_path / "a",
        fparam=np.ones((2, 4)),
        aparam=np.arange(12.0).reshape(2, 6),
        energy=np.array([1.0, 2.0]),
        force=np.zeros((2, 9)),
    )
    frame = list(System.open(path).frames("OH"))[1]
    assert frame.fparam.shape == (4,)
    np.testing.assert_array_equal(frame.aparam, [[6, 7], [8, 9], [10, 11]])
    assert frame.labels["energy"] == 2.0 and frame.labels["force"].shape == (3, 3)
    assert "virial" not in frame.labels


def test_search_below_a_folder(tmp_path):
    for name in ("b", "a/x", "a/y"):
        write_system(tmp_path / name)
    found = [s.path.relative_to(tmp_path).as_posix() for s in find_systems(tmp_path)]
    assert found == ["a/x", "a/y", "b"]
    assert len(find_systems([tmp_path / "b", tmp_path])) == 3, "each once"


def test_wrong_folders(tmp_path):
    def refused(path, says):
        with pytest.raises(InputError) as error:
            for system in find_systems(path):
                list(system.frames(["O", "H"]))
        assert says in str(error.value) and str(path) in str(error.value)

    refused(tmp_path / "nowhere", "no such folder")
    refused(tmp_path, "no type.raw")
    bad = write_system(tmp_path / "words")
    (bad / "type.raw").write_text("O H H\n")
    refused(bad, "expected one type index an atom")
    bad = write_system(tmp_path / "names", types=(0, 2))
    refused(bad, "type 2 but")
    refused(write_system(tmp_path / "empty", sets=()), "no set.* folder")
    bad = write_system(tmp_path / "shape")
    np.save(bad / "set.000" / "coord.npy", np.zeros((2, 8)))
    refused(bad, "shape (2, 8); expected (2, 3, 3)")
    bad = write_system(tmp_path / "box")
    (bad / "set.000" / "box.npy").unlink()
    refused(bad, "box.npy: no such file")
    bad = write_system(tmp_path / "damaged")
    (bad / "set.000" / "coord.npy").write_bytes(b"not numpy")
    refused(bad, "not a readable array")
    bad = write_system(tmp_path / "pickle")
    np.save(bad / "set.000" / "coord.npy", np.array([{}]), allow_pickle=True)
    refused(bad, "not a readable array")
    bad = write_system(tmp_path / "mixed", real_atom_types=np.full((2, 3), 5))
    refused(bad, "type 5; expected 0 to 1")


def test_water(shared):
    systems = find_systems(shared / "data")
    assert len(systems) == 4
    frame = next(systems[0].frames(["O", "H"]))
    assert frame.coord.shape == (192, 3) and frame.labels["force"].shape == (192, 3)

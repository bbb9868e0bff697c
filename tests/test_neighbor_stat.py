# SPDX-License-Identifier: LGPL-3.0-or-later
"""Are the smallest distance and the most neighbours those that DeePMD-kit finds?"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from dponnx.runtime.cli import main
from dponnx.runtime.errors import InputError
from dponnx.runtime.neighbor_stat import min_distance, neighbor_stat
from dponnx.runtime.systems import System, find_systems
from test_systems import write_system
from toy_model import images

TRICLINIC = np.array([[4.0, 0, 0], [1.9, 3.5, 0], [-1.2, 1.1, 5.0]])


def crystal(path, cell, n=9, nframes=3, **options):
    """A system of n atoms of two types at random places in a box."""
    rng = np.random.default_rng(7)
    mixed = "real_atom_types" in options
    types = [0 if mixed else k % 2 for k in range(n)]
    path = write_system(path, types=types, sets=(nframes,), **options)
    fractions = rng.uniform(-0.3, 1.3, (nframes, n, 3))
    np.save(path / "set.000" / "coord.npy", (fractions @ cell).reshape(nframes, -1))
    if not options.get("nopbc"):
        np.save(path / "set.000" / "box.npy", np.tile(cell.ravel(), (nframes, 1)))
    return path


def to_hdf5(file, folders):
    """The same systems in one HDF5 file, as dpdata writes them: a group for each folder."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra 'data')")
    with h5py.File(file, "w") as out:
        for folder in folders:
            group = out.create_group(folder.name)
            group["type.raw"] = np.loadtxt(folder / "type.raw", dtype=int)
            names = (folder / "type_map.raw").read_text().split()
            group["type_map.raw"] = np.array(names, dtype=object)
            if (folder / "nopbc").exists():
                group["nopbc"] = True
            for array in folder.glob("set.*/*.npy"):
                group[f"{array.parent.name}/{array.name}"] = np.load(array)
    return file


def brute_force(system, rcut, ntypes):
    """Oracle: every image of every atom against every atom."""
    smallest, most = np.inf, np.zeros(ntypes, int)
    for frame in system.frames(None):
        real = frame.atype >= 0
        coord, atype = frame.coord[real], frame.atype[real]
        if frame.cell is not None:
            coord = coord - np.floor(coord @ np.linalg.inv(frame.cell)) @ frame.cell
        shifts = images(frame.cell, rcut, coord)
        r = np.linalg.norm(coord[None, :, None] + shifts - coord[:, None, None], axis=-1)
        r[np.eye(len(coord), dtype=bool)[..., None] & (np.abs(shifts).sum(-1) == 0)] = np.inf
        smallest = min(smallest, r.min())
        near = (r < rcut).sum(axis=2)
        for t in range(ntypes):
            most[t] = max(most[t], near[:, atype == t].sum(axis=1).max())
    return smallest, most.tolist()


CASES = {
    "small triclinic box": dict(cell=TRICLINIC),
    "left-handed box": dict(cell=np.diag([4.0, 6.0, -5.0])),
    "no box": dict(cell=np.diag([5.0, 6.0, 7.0]), nopbc=True),
    "large box": dict(cell=np.diag([21.0, 22.0, 23.0])),
    "mixed types": dict(
        cell=TRICLINIC,
        real_atom_types=np.random.default_rng(1).integers(0, 2, (3, 9)),
    ),
    "virtual atoms": dict(
        cell=TRICLINIC,
        real_atom_types=np.random.default_rng(2).integers(-1, 2, (3, 9)),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rcut", [1.0, 4.5])
def test_same_as_brute_force(name, rcut, tmp_path):
    system = System.open(crystal(tmp_path / "a", **CASES[name]))
    found = neighbor_stat(system, rcut)
    np.testing.assert_allclose(
        found.min_nbor_dist, brute_force(system, 15.0, 2)[0], rtol=1e-12, atol=0
    )
    assert found.max_nbor_size == brute_force(system, rcut, 2)[1]


def in_deepmd(deepmd, place, rcut, type_map, mixed=False):
    """DeePMD-kit's own numbers, by the function behind `dp --tf neighbor-stat`."""
    from deepmd.entrypoints.neighbor_stat import neighbor_stat as theirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return theirs(
            system=str(place), rcut=rcut, type_map=type_map, mixed_type=mixed, backend="tensorflow"
        )


# DeePMD-kit's own ends in a TensorFlow error for a left-handed box.
@pytest.mark.parametrize("name", [name for name in CASES if name != "left-handed box"])
def test_same_as_deepmd(name, deepmd, tmp_path):
    options = dict(CASES[name])
    place = crystal(tmp_path / "a", **options)
    if options.get("nopbc") is None:
        # DeePMD-kit counts images of atoms outside the box from where they are, and misses some.
        coord = np.load(place / "set.000" / "coord.npy").reshape(3, -1, 3)
        cell = options["cell"]
        inside = coord - np.floor(coord @ np.linalg.inv(cell)) @ cell
        np.save(place / "set.000" / "coord.npy", inside.reshape(3, -1))
    order = ["H", "X", "O"]
    for mixed in (False, True):
        smallest, most = in_deepmd(deepmd, place, 4.5, order, mixed)
        found = neighbor_stat(place, 4.5, order, mixed_type=mixed)
        np.testing.assert_allclose(found.min_nbor_dist, smallest, rtol=1e-9, atol=0)
        assert found.max_nbor_size == np.asarray(most).tolist()


def test_same_words_as_dp_neighbor_stat(deepmd, fixture_dir, tmp_path, capsys):
    for name in ("water", "deeper/water"):
        shutil.copytree(fixture_dir / "water", tmp_path / name)
    line = ["-s", str(tmp_path), "-r", "6.0", "-t", "H", "O"]
    dp = Path(sys.executable).with_name("dp")
    if not dp.is_file():
        pytest.skip("the command dp is not installed")
    command = [str(dp), "--tf", "neighbor-stat", *line]
    theirs = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    said = re.findall(r"(?:min_nbor_dist|max_nbor_size): .*", theirs.stdout + theirs.stderr)
    assert main(["neighbor-stat", *line]) == 0
    assert capsys.readouterr().out.splitlines() == said
    assert len(said) == 2


def test_hdf5_and_folders_agree_with_each_other_and_deepmd(deepmd, tmp_path):
    folders = [
        crystal(tmp_path / name, **CASES[case])
        for name, case in (("a", "no box"), ("b", "mixed types"), ("c", "large box"))
    ]
    file = to_hdf5(tmp_path / "data.hdf5", folders)
    found = neighbor_stat(file, 4.5)
    assert found == neighbor_stat(folders, 4.5)
    assert [str(s.path) for s in find_systems(file)] == [f"{file}#/{k}" for k in "abc"]
    for folder in folders:
        group = f"{file}#/{folder.name}"
        assert neighbor_stat(group, 4.5) == neighbor_stat(folder, 4.5)
    smallest, most = in_deepmd(deepmd, f"{file}#/a", 4.5, None)
    alone = neighbor_stat(f"{file}#/a", 4.5)
    np.testing.assert_allclose(alone.min_nbor_dist, smallest, rtol=1e-9, atol=0)
    assert alone.max_nbor_size == np.asarray(most).tolist()


def test_hdf5_frames_carry_labels(tmp_path):
    folder = write_system(tmp_path / "a", energy=np.array([1.0, 2.0]), fparam=np.ones((2, 3)))
    one = list(System.open(folder).frames("HO"))
    two = list(System.open(f"{to_hdf5(tmp_path / 'x.h5', [folder])}#/a/").frames("HO"))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.coord, b.coord)
        np.testing.assert_array_equal(a.atype, b.atype)
        assert a.labels["energy"] == b.labels["energy"] and b.fparam.shape == (3,)


def test_hdf5_refused(tmp_path, monkeypatch):
    file = to_hdf5(tmp_path / "x.hdf5", [write_system(tmp_path / "a")])
    with pytest.raises(InputError, match="no such group; .* holds a"):
        find_systems(f"{file}#/b")
    with pytest.raises(InputError, match="no type.raw"):
        find_systems(f"{file}#/a/set.000")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(InputError, match="not a readable HDF5 file"):
        find_systems(tmp_path / "text")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"dponnx\[data\]") as error:
        find_systems(file)
    assert "\n" not in str(error.value)


def test_pairs_beyond_the_cutoff_are_found(tmp_path):
    far = write_system(tmp_path / "far", nopbc=True, sets=(1,))
    np.save(far / "set.000" / "coord.npy", [[0, 0, 0, 3e5, 0, 0, 3e5, 40, 0]])
    found = neighbor_stat(far, 6.0)
    assert (found.min_nbor_dist, found.max_nbor_size) == (40.0, [0, 0])
    lone = write_system(tmp_path / "lone", types=(0,), sets=(1,))
    assert neighbor_stat(lone, 3.0).min_nbor_dist == 6.0, "its own image"
    assert neighbor_stat(lone, 6.0).max_nbor_size == [0, 0], "at the cutoff: no neighbour"
    assert neighbor_stat(lone, 6.1).max_nbor_size == [6, 0]


def test_no_pair_at_all(tmp_path, capsys):
    lone = write_system(tmp_path / "lone", types=(0,), nopbc=True)
    assert neighbor_stat(lone, 6.0).min_nbor_dist == np.inf
    with pytest.raises(InputError, match="no frame with two atoms"):
        min_distance(lone)
    assert main(["neighbor-stat", "-s", str(lone), "-r", "6"]) == 0
    captured = capsys.readouterr()
    assert "min_nbor_dist: inf" in captured.out and "WARNING" in captured.err


def test_type_maps(tmp_path):
    one = write_system(tmp_path / "one", names="O H")
    two = write_system(tmp_path / "two", names="O H C")
    bare = write_system(tmp_path / "bare", names=None)
    assert neighbor_stat([one, two], 6.0).type_map == ("O", "H", "C")
    assert len(neighbor_stat(bare, 6.0).max_nbor_size) == 2
    other = write_system(tmp_path / "other", names="H O")
    with pytest.raises(InputError, match="say which order you want with -t"):
        neighbor_stat([one, other], 6.0)
    assert neighbor_stat([one, other], 6.0, ["H", "O"]).type_map == ("H", "O")
    with pytest.raises(InputError, match="'H' is not in"):
        neighbor_stat(one, 6.0, ["O", "C"])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("-r 0", "rcut is 0.0"),
        ("-r nan", "rcut is nan"),
        ("-r 6 -s nowhere", "nowhere: no such folder"),
        ("-r 6 -s overlap", "overlap, frame 1: two atoms lie on each other"),
        ("-r 6 -s nan", "nan, frame 0: a coordinate is no number"),
    ],
)
def test_refused_in_one_line(options, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    overlap = write_system(tmp_path / "overlap", nopbc=True)
    coord = np.arange(18.0).reshape(2, 9)
    coord[1, 3:6] = coord[1, 0:3]
    np.save(overlap / "set.000" / "coord.npy", coord)
    bad = write_system(tmp_path / "nan")
    np.save(bad / "set.000" / "coord.npy", np.full((2, 9), np.nan))
    assert main(["neighbor-stat", *options.split()]) == 2
    err = capsys.readouterr().err
    assert err.startswith("dponnx neighbor-stat: error: ") and says in err
    assert err.count("\n") == 1


def test_links_and_nested_systems_are_found_as_deepmd_does(tmp_path):
    outside = write_system(tmp_path / "outside")
    top = tmp_path / "top"
    write_system(top / "a" / "inner")
    write_system(top / "b")
    write_system(top / "b" / "nested")
    (top / "link").symlink_to(outside)
    found = [s.path.relative_to(top).as_posix() for s in find_systems(top)]
    assert found == ["a/inner", "b", "b/nested", "link"]

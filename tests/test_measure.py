# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does `dponnx test` print and write what `dp test` does, and refuse what it cannot use?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from deepmd_tools import dp_test
from dponnx import compress
from dponnx.runtime.cli import main
from dponnx.runtime.errors import InputError
from dponnx.runtime.measure import MeasureOptions, measure
from dponnx.runtime.systems import find_systems
from random_model import random_model, random_system
from test_systems import write_system
from test_tensor_models import only_second_type
from tolerances import CALCULATOR
from toy_model import toy_model


def labelled(path: Path, natoms: int = 6, nframes: int = 3, seed: int = 1, **options) -> Path:
    """A system with random labels, in float32 as many data sets are."""
    rng = np.random.default_rng(seed)
    shapes = {"energy": (), "force": (3 * natoms,), "virial": (9,), "atom_pref": (natoms,)}
    arrays = {k: rng.normal(size=(nframes, *s)).astype(np.float32) for k, s in shapes.items()}
    arrays["atom_pref"] = np.abs(arrays["atom_pref"])
    types = rng.integers(0, 2, natoms)
    return write_system(path, types=types, sets=(nframes,), **{**arrays, **options})


def ours(model, systems, **options) -> list[str]:
    """The report of our test."""
    lines: list[str] = []
    measure(model, find_systems(systems), MeasureOptions(**options), lines.append)
    return lines


def theirs(model, systems: list[Path], folder: Path, **options) -> list[str]:
    """The report of DeePMD-kit's, systems in this order."""
    listed = folder / "systems.txt"
    listed.write_text("".join(f"{system}\n" for system in systems))
    return dp_test(model, None, datafile=str(listed), **options)


def assert_same_files(a: Path, b: Path) -> None:
    """The same files, headers and data; predictions within rounding."""
    names = sorted(path.name for path in a.iterdir())
    assert names and names == sorted(path.name for path in b.iterdir())
    for name in names:
        found, expected = ((folder / name).read_text().splitlines() for folder in (a, b))
        heads = [[line for line in text if line.startswith("#")] for text in (found, expected)]
        assert heads[0] == heads[1], name
        rows = [np.loadtxt(text, ndmin=2) for text in (found, expected)]
        half = rows[0].shape[1] // 2
        np.testing.assert_array_equal(rows[0][:, :half], rows[1][:, :half], err_msg=name)
        np.testing.assert_allclose(rows[0], rows[1], **CALCULATOR, err_msg=name)


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Where ours and theirs write their details."""
    made = tmp_path / "ours", tmp_path / "theirs"
    for folder in made:
        folder.mkdir()
    return made


def compare(model, peer, systems, folders, tmp_path, **options) -> list[str]:
    """Run both, compare report and files; the report."""
    found = ours(model, systems, detail=folders[0] / "d", **options)
    if options.pop("shuffle", False):
        options["shuffle_test"] = True
    expected = theirs(peer, systems, tmp_path, detail_file=str(folders[1] / "d"), **options)
    assert found == expected
    assert_same_files(*folders)
    return found


def test_report_and_files_are_deepmds(two_models, deepmd, tmp_path, folders):
    """A periodic system with every label, a second one without virials, one without a box."""
    systems = [
        labelled(tmp_path / "a"),
        labelled(tmp_path / "b", natoms=4, seed=2),
        labelled(tmp_path / "c", natoms=5, seed=3, nopbc=True),
    ]
    (systems[1] / "set.000" / "virial.npy").unlink()
    report = compare(two_models.onnx[0], two_models.pb[0], systems, folders, tmp_path, numb_test=2)
    assert sum("Stress RMSE" in line for line in report) == 2  # of the first, and of all
    assert sum("Force weighted RMSE" in line for line in report) == 4
    assert len(list(folders[0].iterdir())) == 6


def test_random_order_takes_deepmds_frames(toy_path, deepmd, tmp_path, folders):
    copies = np.array([[1], [3], [0], [2]])
    systems = [
        labelled(tmp_path / "a", nframes=4, numb_copy=copies),
        labelled(tmp_path / "b", nframes=4, seed=2),
    ]
    compare(
        toy_path,
        toy_path,
        systems,
        folders,
        tmp_path,
        shuffle=True,
        rand_seed=2**32 + 11,
        numb_test=5,
    )
    other = ours(toy_path, systems, shuffle=True, rand_seed=12, numb_test=2)
    assert other != ours(toy_path, systems, shuffle=True, rand_seed=11, numb_test=2)


def test_labels_of_atoms_and_parameters(ort, deepmd, tmp_path, folders):
    rng = np.random.default_rng(4)
    system = labelled(
        tmp_path / "a",
        fparam=rng.normal(size=(3, 2)),
        aparam=rng.normal(size=(3, 6)),
        atomic_ener=rng.normal(size=(3, 6)),
    )
    model = tmp_path / "toy.onnx"
    model.write_bytes(toy_model(dfparam=2, daparam=1))
    report = compare(model, model, [system], folders, tmp_path, atomic=True)
    assert sum("Atomic ener MAE" in line for line in report) == 1, "not in the average"


def test_mixed_types_and_hdf5(toy_path, deepmd, tmp_path, folders):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed (extra 'data')")
    types = np.array([[0, 1, -1, 0, 1, 1], [1, 1, 0, 0, 0, -1], [0, 0, 0, 0, 1, 1]])
    mixed = labelled(tmp_path / "mixed", real_atom_types=types)
    plain = labelled(tmp_path / "plain", seed=2)
    with h5py.File(tmp_path / "data.hdf5", "w") as file:
        group = file.create_group("some/system")
        for name in ("type.raw", "type_map.raw"):
            words = (plain / name).read_text().split()
            group[name] = [int(w) for w in words] if name == "type.raw" else words
        for array in (plain / "set.000").glob("*.npy"):
            group[f"set.000/{array.name}"] = np.load(array)
    systems = [mixed, f"{tmp_path}/data.hdf5#/some/system"]
    compare(toy_path, toy_path, systems, folders, tmp_path)


@pytest.mark.parametrize(
    ("kind", "second"), [("dipole", False), ("polar", False), ("dos", False), ("dipole", True)]
)
def test_tensor_models(converter, operators, deepmd, tmp_path, folders, kind, second):
    """second: only atoms of the second type have a dipole, and only theirs are on disk."""
    descriptor = {"type": "se_e2_a", "neuron": [4, 8], "axis_neuron": 3, "sel": [20, 20]}
    fitting = {"type": kind, **({"numb_dos": 5} if kind == "dos" else {})}
    with pytest.MonkeyPatch.context() as monkeypatch:
        if second:
            only_second_type(monkeypatch)
        graph = random_model(tmp_path / "graph.pb", 2, descriptor, fitting, seed=3)
    model = compress(graph, tmp_path / "c.pb").onnx
    rng = np.random.default_rng(5)
    width = {"dipole": 3, "polar": 9, "dos": 5}[kind]
    label = {"polar": "polarizability"}.get(kind, kind)
    systems = []
    for k, natoms in enumerate((8, 11)):
        coord, box, types = random_system(2, natoms, k)
        chosen = int((types == 1).sum()) if second else natoms
        systems.append(
            write_system(
                tmp_path / f"s{k}",
                types=types,
                names="X0 X1",
                coord=np.stack([coord, coord + 0.1]).reshape(2, -1),
                box=np.stack([box, box]).reshape(2, 9),
                **{
                    label: rng.normal(size=(2, width)),
                    f"atomic_{label}": rng.normal(size=(2, chosen * width)),
                },
            )
        )
    for atomic in (False, True):
        report = compare(model, model, systems, folders, tmp_path, atomic=atomic)
        assert sum("RMSE" in line for line in report) > 2
        for path in (p for folder in folders for p in folder.iterdir()):
            path.unlink()


def test_the_command(toy_path, tmp_path, capsys, monkeypatch):
    system = labelled(tmp_path / "data" / "a")
    other = labelled(tmp_path / "data" / "b", seed=2)
    expected = ours(toy_path, [system, other])
    monkeypatch.chdir(tmp_path)
    base = ["test", "-m", "toy", "-v", "ERROR"]
    log = tmp_path / "log.txt"
    assert main([*base, "-s", str(tmp_path / "data"), "-l", str(log), "-S", "set"]) == 0
    assert capsys.readouterr().out.splitlines() == expected
    assert [line.partition("INFO ")[2] for line in log.read_text().splitlines()] == expected
    (tmp_path / "list").write_text(f"{system}\n{other}\n\n")
    script = {"training": {f"{k}_data": {"systems": "data"} for k in ("training", "validation")}}
    (tmp_path / "input.json").write_text(json.dumps(script))
    for choice in (["-f", "list"], ["--train-data", "input.json"], ["--valid-data", "input.json"]):
        assert main([*base, *choice]) == 0
        found = capsys.readouterr().out.splitlines()
        assert [k for k in found if "data" not in k] == [k for k in expected if "data" not in k]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-m", "nothing"], "nothing.onnx: no such file"),
        (["-s", "nowhere"], "nowhere: no such folder"),
        (["-n", "-1"], "numb_test is -1"),
        (["-a"], "no atom_ener.npy"),
        (["-d", "."], "detail is '.'"),
        (["-f", "empty"], "empty: is empty"),
        (["-f", "absent"], "absent: No such file"),
        (["--valid-data", "input.json"], "no training/validation_data/systems"),
    ],
)
def test_wrong_usage_is_one_line(toy_path, tmp_path, capsys, monkeypatch, options, says):
    labelled(tmp_path / "a")
    (tmp_path / "empty").touch()
    (tmp_path / "input.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert main(["test", "-m", str(toy_path), *options]) == 2
    line = capsys.readouterr().err
    assert line.startswith("dponnx test: error: ") and line.count("\n") == 1 and says in line


def test_data_that_do_not_fit(toy_path, ort, tmp_path):
    model = tmp_path / "p.onnx"
    model.write_bytes(toy_model(dfparam=2))
    with pytest.raises(InputError, match=r"a: no fparam.npy; .* takes 2"):
        ours(model, labelled(tmp_path / "a"))
    wrong = labelled(tmp_path / "b", atom_ener=np.zeros((3, 5)))
    with pytest.raises(InputError, match="atom_ener.npy has 5 numbers a frame; expected 6"):
        ours(toy_path, wrong, atomic=True)
    with pytest.raises(InputError, match="no frames in its coord.npy"):
        ours(toy_path, write_system(tmp_path / "c", sets=(0,)))
    uneven = write_system(tmp_path / "d", sets=(1, 1))
    for k, width in enumerate((3, 6)):
        np.save(uneven / f"set.00{k}" / "atom_ener.npy", np.zeros((1, width)))
    with pytest.raises(InputError, match="atom_ener.npy has another width in another set"):
        ours(toy_path, uneven, atomic=True)


def test_nothing_to_test(toy_path, tmp_path):
    """Copies that leave no frame, and systems without atoms."""
    none = labelled(tmp_path / "none", numb_copy=np.zeros((3, 1)))
    with pytest.raises(InputError, match="numb_copy.npy holds 0 to 0"):
        ours(toy_path, none, shuffle=True)
    with pytest.raises(InputError, match="no atoms in its type.raw"):
        ours(toy_path, write_system(tmp_path / "empty", types=()))


def test_labels_in_some_sets_only_are_left_out(toy_path, tmp_path, caplog):
    path = write_system(tmp_path / "a", sets=(1, 1))
    np.save(path / "set.000" / "energy.npy", np.zeros(1))
    report = ours(toy_path, path)
    assert not any("Energy" in line for line in report)
    assert "energy.npy is missing in some sets" in caplog.text
    assert "no labels to compare with" in caplog.text

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does wrong input end, on every rank, in LAMMPS's own error with place, reason and cure?"""

from __future__ import annotations

import shutil
import signal
import subprocess
import time

import lammps_runs as lmp
import numpy as np
import pytest
from toy_model import toy_model

pytestmark = pytest.mark.usefixtures("lammps", "ort")

TYPES = np.array([0, 1, 1, 0])
COORD = np.array([[1.0, 1, 1], [2, 1, 1], [1, 2.2, 1], [1, 1, 7.0]])
GOOD = "pair_style dponnx toy.onnx\npair_coeff * * O H\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "toy.onnx").write_bytes(toy_model())
    lmp.write_data(tmp_path / "atoms.data", COORD, TYPES, 9 * np.eye(3))
    return tmp_path


def fails(folder, style: str, *texts: str, head: str = "", ranks: int = 2) -> str:
    """The run ends in LAMMPS's error, said once, that holds the texts."""
    script = head or lmp.HEAD.format(boundary="p p p", data="atoms.data")
    done = lmp.launch(folder, script + style + "\nrun 0\n", ranks)
    assert done.returncode != 0
    errors = [x for x in done.stdout.splitlines() if x.startswith("ERROR")]
    assert len(errors) == 1, done.stdout + done.stderr
    for text in texts:
        assert text in errors[0]
    return errors[0]


def style_fails(folder, arguments: str, *texts: str, ranks: int = 1) -> None:
    style = f"pair_style dponnx {arguments}\npair_coeff * * O H"
    fails(folder, style, "Pair style dponnx: ", *texts, ranks=ranks)


def test_a_model_that_is_missing_or_not_ours(folder):
    whole = toy_model()
    (folder / "half.onnx").write_bytes(whole[: len(whole) // 2])
    (folder / "text.onnx").write_text("not a model")
    (folder / "other.onnx").write_bytes(toy_model(format=None))
    (folder / "dipole.onnx").write_bytes(toy_model(model_type="dipole", output_dim="3"))
    style_fails(folder, "no.onnx", "no.onnx: no such file", ranks=2)
    style_fails(folder, "half.onnx", "half.onnx: ", "refuses it", ranks=2)
    style_fails(folder, "text.onnx", "text.onnx: ", "refuses it")
    style_fails(folder, "other.onnx", "other.onnx: ", "format")
    style_fails(folder, "dipole.onnx", "dipole.onnx: ")
    style_fails(folder, "graph.pb", "graph.pb: no such file")


def test_one_rank_without_the_model_stops_all(folder):
    """Rank 1 works in a folder that lacks the model: no rank waits for it."""
    (folder / "other").mkdir()
    shutil.copy(folder / "atoms.data", folder / "other")
    (folder / "in.lmp").write_text(lmp.HEAD.format(boundary="p p p", data="atoms.data") + GOOD)
    one = ["-n", "1", "-wdir"]
    program = [*lmp.command(1), "-in", str(folder / "in.lmp"), "-log", "none"]
    done = subprocess.run(
        [str(lmp.MPIRUN), *one, str(folder), *program, ":", *one, str(folder / "other"), *program],
        env=lmp.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode != 0
    assert done.stdout.count("ERROR: Pair style dponnx: toy.onnx: no such file") == 1


def test_models_that_do_not_fit_together(folder):
    (folder / "swapped.onnx").write_bytes(toy_model(type_map="H O"))
    (folder / "with.onnx").write_bytes(toy_model(dfparam=1))
    style_fails(
        folder, "toy.onnx swapped.onnx", "swapped.onnx: its type map is H O", "O H", ranks=2
    )
    style_fails(folder, "toy.onnx with.onnx", "with.onnx: its number of frame parameters is 1")


def test_types_the_model_does_not_have(folder):
    style = "pair_style dponnx toy.onnx\npair_coeff * * "
    fails(folder, style + "O C", "'C' is not a type of toy.onnx", "O H, or NULL")
    fails(folder, style + "O", "names 1 types", "2 atom types", ranks=1)
    fails(folder, style + "NULL NULL", "every type is NULL", ranks=1)
    lmp.write_data(folder / "three.data", COORD, np.array([0, 1, 2, 0]), 9 * np.eye(3))
    head = lmp.HEAD.format(boundary="p p p", data="three.data")
    fails(folder, style, "has 3 atom types; toy.onnx has 2 (O H)", "pair_coeff", head=head)
    fails(folder, "pair_style dponnx toy.onnx", "coeffs", ranks=1)
    fails(folder, "pair_style dponnx toy.onnx\npair_coeff 1 2 O H", "must start with * *", ranks=1)


def test_units_lj(folder):
    head = lmp.HEAD.format(boundary="p p p", data="atoms.data").replace("metal", "lj")
    fails(folder, GOOD, "units are lj", "metal", head=head)


def test_newton_off(folder):
    head = "newton off\n" + lmp.HEAD.format(boundary="p p p", data="atoms.data")
    fails(folder, GOOD, "newton pair is off", "newton on", head=head)


@pytest.mark.parametrize(
    "arguments, texts",
    [
        ("", ("no model is named", "pair_style dponnx m1.onnx")),
        ("out_freq 3", ("no model is named",)),
        ("toy.onnx atomic maybe", ("'maybe' is no keyword",)),
        ("toy.onnx out_freq", ("out_freq is the last argument",)),
        ("toy.onnx out_freq -1", ("out_freq is '-1'", "at least 0")),
        ("toy.onnx out_freq 1.5", ("out_freq is '1.5'", "integer")),
        ("toy.onnx relative x", ("relative is 'x'", "number")),
        ("toy.onnx relative_v nan", ("relative_v is 'nan'",)),
        ("toy.onnx overflow maybe", ("overflow is 'maybe'", "ignore, warn or error")),
        ("toy.onnx threads 0", ("threads is '0'", "at least 1")),
        ("toy.onnx fparam", ("fparam is the last argument",)),
        ("toy.onnx fparam atomic", ("fparam is 'atomic'",)),
        ("toy.onnx fparam 1", ("fparam is given; the model takes 0",)),
        ("toy.onnx fparam 1 fparam_from_compute c", ("both given",)),
        ("toy.onnx aparam 1 aparam_from_compute c", ("both given",)),
        ("par.onnx", ("the model takes 2 values of fparam", "fparam_from_compute ID")),
        ("par.onnx fparam 1", ("fparam has 1 values", "takes 2")),
        ("par.onnx fparam 1 2", ("the model takes 1 values of aparam",)),
        ("par.onnx fparam_from_compute c aparam 1", ("no compute 'c'",)),
        (
            "par.onnx fparam_from_compute thermo_temp aparam_from_compute thermo_press",
            ("gives no",),
        ),
        ("toy.onnx toy.onnx out_file no/m.out", ("out_file no/m.out: cannot be written",)),
    ],
)
def test_arguments(folder, arguments, texts):
    (folder / "par.onnx").write_bytes(toy_model(dfparam=2, daparam=1))
    style_fails(folder, arguments, *texts)


def test_scale_of_some_types_only(folder):
    more = "fix s all adapt 1 pair dponnx scale 1 1 v_s\nvariable s equal 0.25\n"
    fails(folder, GOOD + more, "scale differs between atom types")


def test_atomic_deviation_without_ids(folder):
    head = "atom_modify id no\n" + lmp.HEAD.format(boundary="p p p", data="atoms.data")
    lattice = "lattice sc 3\nregion b block 0 2 0 2 0 2\ncreate_box 2 b\ncreate_atoms 1 box"
    head = head.replace("read_data atoms.data", lattice)
    style = "pair_style dponnx toy.onnx toy.onnx atomic\npair_coeff * * O H"
    fails(folder, style, "atomic lists atoms by ID", head=head)


def test_bonded_neighbours_hidden_from_the_model_are_a_warning(folder):
    script = lmp.HEAD.format(boundary="p p p", data="atoms.data").replace(
        "read_data", "atom_style bond\nread_data"
    )
    text = (folder / "atoms.data").read_text()
    text = text.replace("Atoms # atomic", "Atoms # bond").replace(
        "4 atoms", "4 atoms\n1 bonds\n1 bond types\n2 extra bond per atom\n3 extra special per atom"
    )
    rows = text.split("Atoms # bond\n\n")
    fields = [row.split() for row in rows[1].splitlines()]
    atoms = "\n".join(" ".join([f[0], "1", *f[1:]]) for f in fields)
    (folder / "atoms.data").write_text(
        rows[0] + "Atoms # bond\n\n" + atoms + "\n\nBonds\n\n1 1 1 2\n"
    )
    bond = "bond_style zero\nbond_coeff * 1.0\n"
    output = lmp.run(folder, script + bond + GOOD + "run 0\n")
    assert "special_bonds hides bonded neighbours" in output
    output = lmp.run(folder, script + bond + "special_bonds lj/coul 1 1 1\n" + GOOD + "run 0\n")
    assert "special_bonds hides" not in output


@pytest.mark.parametrize("ranks", [1, 2])
def test_sigterm_ends_every_rank_and_leaves_whole_lines(folder, ranks):
    style = GOOD.replace("toy.onnx", "toy.onnx toy.onnx out_freq 1")
    script = lmp.HEAD.format(boundary="p p p", data="atoms.data") + style
    (folder / "in.lmp").write_text(script + "fix 1 all nve\nthermo 1000000\nrun 100000000\n")
    started = subprocess.Popen(
        [*lmp.command(ranks), "-in", "in.lmp", "-log", "none"],
        cwd=folder,
        env=lmp.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    devi = folder / "model_devi.out"
    try:
        until = time.monotonic() + 60
        while not devi.exists() or devi.stat().st_size < 2000:
            assert started.poll() is None and time.monotonic() < until
            time.sleep(0.05)
        started.send_signal(signal.SIGTERM)
        assert started.wait(timeout=60) != 0
    finally:
        started.kill()
        started.wait()
    lines = devi.read_text()
    assert lines.endswith("\n")
    assert {len(line.split()) for line in lines.splitlines()[1:]} == {7}


def test_gpus_without_a_gpu(folder, ort):
    if "CUDAExecutionProvider" in ort.get_available_providers():
        pytest.skip("this onnxruntime has CUDA")
    for ranks in (1, 2):
        style_fails(folder, "toy.onnx gpus 1", "CUDA device 0", "onnxruntime-gpu", ranks=ranks)

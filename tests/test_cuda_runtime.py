# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does libdponnx on a CUDA device do what it does on the CPU, and say what is missing?

"emulated": custom_ops/cuda/emulated stands in for the device, ONNX Runtime runs on the CPU: blocks,
lists, copies and sums are those of the GPU. "cuda": the first GPU, where there is one.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import lammps_runs as lmp
import numpy as np
import pytest
import tolerances
from conftest import ROOT
from cuda_library import Device, Evaluation
from dponnx import DeepDipole, DeepPot, compress
from dponnx.custom_ops import library_path
from dponnx.runtime.errors import InputError
from dponnx.runtime.library import RESULTS
from random_model import random_model, random_system
from test_tensor_models import only_second_type
from toy_model import toy_model

CHECKS = ("list", "blocks", "along", "single", "deviation", "threads")


@pytest.fixture(scope="module")
def model(fixture_dir, tmp_path_factory, ort, operators) -> Path:
    """The small water model, with the overflow check."""
    out = tmp_path_factory.mktemp("model") / "water.pb"
    return compress(fixture_dir / "sea_small_2side" / "graph.pb", out, frequency=2).onnx


@pytest.fixture(scope="module")
def water(fixture_dir):
    """Two frames: coordinates, boxes, types."""
    folder = fixture_dir / "water"
    types = np.loadtxt(folder / "type.raw", dtype=int)
    coord, box = (np.load(folder / "set.000" / f"{name}.npy")[:2] for name in ("coord", "box"))
    return coord.reshape(2, -1, 3), box.reshape(2, 3, 3), types


def close(found, expected, tolerance=tolerances.CUDA) -> None:
    for name, a, b in zip(RESULTS, found, expected, strict=False):
        np.testing.assert_allclose(a, b, **tolerance, err_msg=name)


# --- results ------------------------------------------------------------------------------------


def test_frames_in_a_box(on_device, model, water):
    expected = DeepPot(model).eval(*water, atomic=True)
    opened = DeepPot(model, device=on_device)
    assert opened.device == "cuda:0"
    found = opened.eval(*water, atomic=True)
    close(found, expected)
    for a, b in zip(opened.eval(*water, atomic=True), found, strict=True):
        np.testing.assert_array_equal(a, b)  # run to run


def test_the_emulated_operators(model, water, operators, monkeypatch):
    """The whole chain with no operator of the CPU: kernels, blocks, copies."""
    monkeypatch.setenv("DPONNX_CUDA_OPERATORS", str(library_path("dponnx_ops_emulated")))
    monkeypatch.delenv("DPONNX_OPERATORS", raising=False)
    emulated = DeepPot(model, device="cuda")
    coord, box, types = water
    frame = coord[:1], box[:1], types
    close(emulated.eval(*frame, atomic=True), DeepPot(model).eval(*frame, atomic=True))


def test_odd_frames(on_device, model, water):
    """No atoms, one, virtual ones, no box, a box thinner than the cutoff, atoms far outside it."""
    coord, _, types = water
    some, kinds = coord[:1, :20], types[:20].copy()
    kinds[3] = -1
    thin = np.array([[3.0, 0, 0], [0.4, 4, 0], [0, -0.6, 5]])
    cpu, gpu = DeepPot(model), DeepPot(model, device=on_device)
    for frame in (
        (some, None, kinds),
        (some[:, :1], None, kinds[:1]),
        (some[:, :0], thin, kinds[:0]),
        (some[:, 3:4], thin, kinds[3:4]),
        (some[:, [0, 5]], thin, kinds[[0, 5]]),
        (some + [300.0, -200, 7], 15 * np.eye(3), kinds),
    ):
        close(gpu.eval(*frame, atomic=True), cpu.eval(*frame, atomic=True))


def test_the_overflow_check(on_device, model, water):
    """Counts come back from the device; the same atoms in a tighter box exceed sel."""
    coord, box, types = water
    found = []
    for device in ("cpu", on_device):
        opened = DeepPot(model, device=device, overflow="ignore")
        opened.eval(0.6 * coord[:1], 0.6 * box[:1], types)
        found.append(opened.overflow())
    assert found[0] and str(found[0]) == str(found[1])


def test_parameters(on_device, water):
    """Frame and atomic parameters are gathered with the atoms, virtual ones left out."""
    coord, _, types = water
    kinds = types[:30].copy()
    kinds[[2, 17]] = -1
    data = toy_model(dfparam=2, daparam=1)
    extra = {"fparam": [0.3, 0.7], "aparam": np.random.default_rng(0).normal(size=(1, 30, 1))}
    cpu, gpu = (DeepPot.from_bytes(data, device=device) for device in ("cpu", on_device))
    for box in (None, 12 * np.eye(3)):
        frame = coord[:1, :30], box, kinds
        close(gpu.eval(*frame, atomic=True, **extra), cpu.eval(*frame, atomic=True, **extra))


def test_tensors_of_some_atoms(on_device, deepmd, converter, tmp_path, monkeypatch):
    """Three components, each with its derivatives; only atoms of the second type have them."""
    only_second_type(monkeypatch)
    shape = {"type": "se_e2_a", "neuron": [4, 8, 8], "axis_neuron": 3, "sel": [20, 20]}
    graph = random_model(tmp_path / "graph.pb", 2, shape, {"type": "dipole"}, seed=3)
    onnx = compress(graph, tmp_path / "dipole.pb").onnx
    coord, box, types = random_system(2, 30, 3)
    cpu, gpu = (DeepDipole(onnx, device=device) for device in ("cpu", on_device))
    close(
        gpu.eval_full(coord[None], box, types, atomic=True),
        cpu.eval_full(coord[None], box, types, atomic=True),
    )


def test_the_emulated_order_of_threads_makes_no_difference(model, water, operators):
    """Bit for bit: nothing depends on which thread comes first."""
    program = (
        "import sys, pickle, numpy as np; from dponnx import DeepPot;"
        "model, frame = pickle.load(sys.stdin.buffer);"
        "r = DeepPot(model, device='cuda').eval(*frame, atomic=True);"
        "sys.stdout.buffer.write(pickle.dumps(r))"
    )
    results = []
    for order in ("forward", "reverse"):
        environment = os.environ | {
            "DPONNX_CUDA_OPERATORS": str(library_path("dponnx_ops_emulated")),
            "DPONNX_OPERATORS": str(library_path("dponnx_ops")),
            "DPONNX_EMULATED_ORDER": order,
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            input=pickle.dumps((model, water)),
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        results.append(pickle.loads(done.stdout))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


# --- engines ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKS)
def test_engines_from_cpp(on_device, checks, model, name):
    """The checks of tests/runtime/checks.cpp, on the device: lists, blocks, threads."""
    environment = os.environ | {"DPONNX_CHECKS_CUDA": "1"}
    command = [str(checks), str(model), name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout == f"{name}: ok\n", done.stdout + done.stderr


def test_valgrind(checks, model):
    """The emulated device has memory like any other: no kernel reads it unset or beyond."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed (apt install valgrind)")
    suppressions = ROOT / "tests" / "runtime" / "valgrind.supp"
    command = ["valgrind", f"--suppressions={suppressions}", "--error-exitcode=9", "-q"]
    environment = os.environ | {
        "DPONNX_CHECKS_CUDA": "1",
        "DPONNX_CUDA_OPERATORS": str(library_path("dponnx_ops_emulated")),
        "DPONNX_OPERATORS": str(library_path("dponnx_ops")),
    }
    done = subprocess.run(
        [*command, str(checks), str(model), "list"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "list: ok\n", done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ranks", [1, 2])
def test_lammps(on_device, lammps, model, water, tmp_path, ranks):
    """pair_style dponnx ... gpus 1: the forces of the CPU, ranks on one device."""
    coord, box, types = water
    lmp.write_data(tmp_path / "water.data", coord[0], types, box[0])
    results = []
    for options in ("", "gpus 1"):
        script = lmp.HEAD.format(boundary="p p p", data="water.data")
        script += f"pair_style dponnx {model} {options}\npair_coeff * * O H\n"
        script += lmp.RESULTS.format(dump="all.dump")
        output = lmp.run(tmp_path, script, ranks=ranks)
        assert "1 GPU a node" in output or not options
        results.append(lmp.read_result(output, tmp_path / "all.dump"))
    cpu, gpu = results
    np.testing.assert_allclose(gpu.energy, cpu.energy, **tolerances.CUDA)
    np.testing.assert_allclose(gpu.force, cpu.force, **tolerances.CUDA)
    np.testing.assert_allclose(gpu.tensor(), cpu.tensor(), **tolerances.CUDA)


# --- arrays on the device -----------------------------------------------------------------------


class Engine:
    """An engine whose atoms live on the device: ghosts, a padded list, results, by dponnx.h."""

    def __init__(self, device: Device, model: DeepPot, frame, skin: float = 0.5):
        coord, box, types = frame
        coord = coord @ np.linalg.inv(box) % 1 @ box
        self.device, self.model, self.n = device, model, len(types)
        reach = model.get_rcut() + skin
        shifts = np.array([s for s in np.ndindex(3, 3, 3) if s != (1, 1, 1)]) - 1
        image, owner = (x.ravel() for x in np.mgrid[0 : len(shifts), 0 : self.n])
        ghosts = coord[owner] + shifts[image] @ box
        low, high = coord.min(axis=0) - reach, coord.max(axis=0) + reach
        near = ((ghosts > low) & (ghosts < high)).all(axis=1)
        self.owner = np.concatenate([np.arange(self.n), owner[near]])
        self.shift = np.concatenate([np.zeros((self.n, 3)), shifts[image[near]] @ box])
        self.coord = coord
        rows = coord[self.owner] + self.shift
        distance = np.linalg.norm(rows[None] - coord[:, None], axis=-1)
        lists = [np.flatnonzero((d < reach) & (d > 0)) for d in distance]
        self.width = max(map(len, lists)) + 3
        self.table = np.full((self.n, self.width), -1)
        for row, mine in zip(self.table, lists, strict=True):
            row[: len(mine)] = mine
        self.types = types[self.owner]

    def compute(self, ago: int = 0, by_column: bool = False, on_host: bool = False, **change):
        """Energy, force folded to the atoms, virial, energies and virials of the atoms.

        by_column: neighbours' index slowest, as Kokkos stores lists; on_host: types come from the
        host; change: fields of the system."""
        run = Evaluation(
            self.device,
            self.model,
            self.coord[self.owner] + self.shift,
            self.types,
            np.full(self.n, self.width),
            self.table,
            by_column,
            on_host,
        )
        run.step(ago, **change)
        found = [getattr(run, name).get() for name in RESULTS]
        found[1], found[4] = self.fold(found[1], 3), self.fold(found[4], 9)
        return found

    def fold(self, rows: np.ndarray, columns: int) -> np.ndarray:
        total = np.zeros((self.n, columns))
        np.add.at(total, self.owner, rows.reshape(-1, columns))
        return total


@pytest.fixture
def engine(cuda_path, on_device, model, water) -> Engine:
    device = Device(library_path(f"dponnx_ops_{cuda_path}"))
    coord, box, types = water
    return Engine(device, DeepPot(model, device=on_device), (coord[0], box[0], types))


def reference(model, water, coord) -> list[np.ndarray]:
    """By the CPU, shaped as Engine.compute gives them."""
    e, f, v, ae, av = DeepPot(model).eval(coord[None], water[1][:1], water[2], atomic=True)
    return [e[0], f[0], v[0], ae[0, :, 0], av[0]]


def test_arrays_on_the_device(engine, model, water):
    expected = reference(model, water, engine.coord)
    for options in ({}, {"by_column": True}, {"on_host": True}):
        close(engine.compute(**options), expected)


def test_a_kept_list_is_not_read_again(engine, model, water):
    """ago > 0: only coordinates are looked at; the next ago = 0 reads the list again."""
    engine.compute(ago=0)
    table, types = engine.table, engine.types
    engine.table, engine.types = np.full_like(table, 123456), np.zeros_like(types)
    engine.coord = engine.coord + np.random.default_rng(1).uniform(-0.1, 0.1, engine.coord.shape)
    close(engine.compute(ago=1), reference(model, water, engine.coord))
    with pytest.raises(InputError):
        engine.compute(ago=0)
    engine.table, engine.types = table, types
    close(engine.compute(ago=0), reference(model, water, engine.coord))


def test_a_neighbour_that_is_no_row_is_one_clear_error(engine, model, water):
    """Found by a kernel; the model computes on afterwards."""
    nall, right = len(engine.owner), engine.table[5, 2]
    for wrong in (nall, -2):
        engine.table[5, 2] = wrong
        with pytest.raises(InputError) as error:
            engine.compute()
        text = str(error.value)
        assert f"nlist[5,2] = {wrong}, expected -1 or 0..nall-1 = {nall - 1}" in text
        assert "\n" not in text
    engine.table[5, 2] = right
    close(engine.compute(), reference(model, water, engine.coord))


def test_arrays_that_do_not_fit_are_refused(engine, model):
    kinds = np.zeros(len(engine.owner), np.int32)
    for change, text in (
        ({"natoms": -1}, "natoms = -1"),
        ({"coord": None}, "coord or type is null"),
        ({"host_type": kinds.ctypes.data}, "type and host_type are both given"),
        ({"type": None}, "type and host_type are both null"),
        ({"nlist": None}, "nghost = "),
    ):
        with pytest.raises(InputError, match=text):
            engine.compute(**change)
    engine.types = engine.types + 2
    with pytest.raises(InputError, match="atom 0 has type"):
        engine.compute()
    engine.types = engine.types - 2
    engine.model = DeepPot(model)
    with pytest.raises(InputError, match="runs on the CPU; expected a model opened with"):
        engine.compute()


def test_the_script_for_a_machine_with_a_gpu(model, tmp_path, operators):
    """tests/cuda/gpu_check.py, on the emulation."""
    script = ROOT / "tests" / "cuda" / "gpu_check.py"
    options = ["--emulated", "--out", tmp_path, "--sizes", "200", "--model", f"water={model}"]
    command = [sys.executable, script, *options]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads((tmp_path / "gpu_check.json").read_text())["stages"].values()
    assert found["atoms"] == 192 and found["ghosts"] > 192 and found["us_per_atom"] > 0
    assert found["sum_of_forces"] < 1e-9

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Are neighbours looked for again when they must be, and only then, where none come with the atoms?

In molecular dynamics one list serves many steps (runtime/src/kept_listing.h).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from toy_model import RCUT, toy_energy

pytestmark = pytest.mark.usefixtures("operators", "ort")

SKIN = 1.0  # angstrom, kSkin
BOX = np.array([[9.0, 0, 0], [1.0, 8.5, 0], [-0.7, 0.6, 8.0]])
N = 24


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """The environment in which libvesin's searches are counted."""
    vesin = Path(pytest.importorskip("vesin").__file__).parent
    library = tmp_path_factory.mktemp("vesin") / "libcounted.so"
    source = ROOT / "tests" / "runtime" / "counted_vesin.cpp"
    command = ["g++", "-std=c++17", "-shared", "-fPIC", f"-I{vesin / 'include'}", source, "-ldl"]
    subprocess.run([*map(str, command), "-o", str(library)], check=True)
    real = str(vesin / "lib" / "libvesin.so")
    return os.environ | {"DPONNX_VESIN_LIBRARY": str(library), "DPONNX_REAL_VESIN": real}


@pytest.fixture
def evaluate(counted, toy_path, tmp_path):
    """Of frames: what the worker writes, after both ways were found to agree, and the toy model's
    oracle with them."""

    def run(coord, box=BOX, pbc=(True, True, True), atype=None) -> dict:
        n = len(coord)
        default = np.arange(coord.shape[1]) % 2
        frames = {
            "coord": coord,
            "box": np.broadcast_to(box, (n, 3, 3)),
            "pbc": np.broadcast_to(pbc, (n, 3)),
            "atype": np.broadcast_to(default if atype is None else atype, coord.shape[:2]),
        }
        np.savez(tmp_path / "frames.npz", **frames)
        worker = [sys.executable, ROOT / "tests" / "kept_list_worker.py", toy_path]
        files = [tmp_path / "frames.npz", tmp_path / "out.npz"]
        done = subprocess.run(
            [*map(str, worker + files)], env=counted, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        with np.load(tmp_path / "out.npz") as out:
            found = dict(out)
        for name in ("energy", "force", "virial", "atom_energy", "atom_virial"):
            np.testing.assert_allclose(
                found[f"kept_{name}"], found[f"fresh_{name}"], rtol=1e-11, atol=1e-11
            )
        whole = frames["pbc"].all(axis=1) & (frames["atype"] >= 0).all(axis=1)
        for k in np.flatnonzero(whole):
            expected = toy_energy(coord[k], frames["box"][k], frames["atype"][k])
            np.testing.assert_allclose(found["kept_energy"][k, 0], expected, rtol=1e-11)
        return found

    return run


def walk(steps: int, length: float = 0.06, seed: int = 0) -> np.ndarray:
    """(steps, N, 3): atoms in and around the box; each moves `length` (angstrom) a step at most,
    in a direction that it keeps, so that some leave the box and come near others."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(-0.2, 1.2, (N, 3)) @ BOX
    velocity = rng.normal(size=(N, 3))
    velocity *= length / np.linalg.norm(velocity, axis=1, keepdims=True)
    return start + np.arange(steps)[:, None, None] * velocity


def test_one_list_serves_while_atoms_move_little(evaluate):
    found = evaluate(walk(40))
    # The first has no skin, the second one; then 8 steps of 0.06 angstrom stay within half of it.
    assert found["searches"][:11].tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert found["searches"].sum() == 1 + 5
    assert found["cutoff"][found["searches"] > 0].tolist() == [RCUT] + 5 * [RCUT + SKIN]


def test_the_same_frame_again_gives_the_same_numbers(evaluate):
    moving = walk(3, 0.01)
    found = evaluate(np.concatenate([np.repeat(moving[:1], 3, axis=0), moving[[1, 2, 2, 2]]]))
    assert found["searches"].tolist() == [1, 1, 1, 1, 0, 0, 0]
    for name in ("energy", "force", "virial"):
        for first, later in ((0, 1), (0, 2), (4, 5), (4, 6)):
            kept = found[f"kept_{name}"]
            np.testing.assert_array_equal(kept[later], kept[first])


def test_frames_that_are_far_apart_get_lists_of_their_own(evaluate):
    found = evaluate(np.concatenate([walk(1, seed=seed) for seed in range(5)]))
    assert found["searches"].tolist() == [1] * 5 and (found["cutoff"] == RCUT).all()


def test_one_atom_that_jumps_is_enough(evaluate):
    coord = walk(9, 0.01)
    coord[5:, 7] += [0.0, 0.51, 0.0]
    assert evaluate(coord)["searches"].tolist() == [1, 1, 0, 0, 0, 1, 0, 0, 0]


def test_atoms_that_leave_every_list_at_once_get_no_skin(evaluate):
    found = evaluate(walk(6, 0.6))
    assert found["searches"].tolist() == [1] * 6 and (found["cutoff"] == RCUT).all()


@pytest.mark.parametrize("what", ["box", "pbc", "type", "no box", "number"])
def test_another_system_is_searched(evaluate, what):
    coord, steps = walk(8, 0.01), 8
    box, pbc = np.repeat(BOX[None], steps, axis=0), np.ones((steps, 3), bool)
    atype = np.repeat(np.arange(N)[None] % 2, steps, axis=0)
    if what == "box":
        box[4:, 0, 0] += 1e-9
    elif what == "pbc":
        pbc[4:, 2] = False
    elif what == "no box":
        pbc[4:] = False
    elif what == "type":
        atype[4:, 3] = 1 - atype[4:, 3]
    else:
        atype[4:, 3] = -1
    assert evaluate(coord, box, pbc, atype)["searches"].tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


def test_virtual_atoms_move_as_they_like(evaluate):
    coord, atype = walk(5, 0.01), np.arange(N) % 2
    atype[5] = -1
    coord[:, 5] += 3.0 * np.arange(5)[:, None]
    assert evaluate(coord, atype=atype)["searches"].tolist() == [1, 1, 0, 0, 0]

# SPDX-License-Identifier: LGPL-3.0-or-later
"""One model, every way to it but LAMMPS (test_lammps_parity.py): C, C++, Python, ASE, DeePMD-kit's
own evaluator, which `dp test` runs on. The same numbers, on every case of the references."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from cmake_project import build
from dponnx import DeepPot, compress
from tolerances import same_model

CASES = ("bulk", "triclinic", "nopbc", "sparse", "smallbox", "close")
MODELS = {"sea": "float64", "hybrid3": "float64", "sea_f32": "float32"}
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def program(ort, operators, tmp_path_factory) -> Path:
    return build(ROOT / "tests" / "runtime", tmp_path_factory.mktemp("evaluate")) / "evaluate"


@pytest.fixture(scope="module", params=MODELS)
def model(request, shared, tmp_path_factory):
    """(name, .onnx, reference values)."""
    folder = shared / "models" / request.param
    out = tmp_path_factory.mktemp(request.param) / "c.pb"
    with np.load(folder / "reference.npz") as values:
        return request.param, compress(folder / "graph.pb", out).onnx, dict(values)


def by_program(program: Path, path: Path, coord, box, atype) -> tuple[float, np.ndarray]:
    lines = [f"{len(atype)} {0 if box is None else 1}"]
    if box is not None:
        lines.append(" ".join(f"{x:.17g}" for x in box.ravel()))
    lines += [f"{t} " + " ".join(f"{c:.17g}" for c in x) for t, x in zip(atype, coord, strict=True)]
    done = subprocess.run(
        [program, path], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    energy, *force = done.stdout.splitlines()
    return float(energy), np.array([[float(x) for x in line.split()] for line in force])


def by_ase(path: Path, coord, box, atype) -> tuple[float, np.ndarray]:
    from ase import Atoms
    from dponnx.ase import DP

    symbols = [("O", "H")[t] for t in atype]
    atoms = Atoms(symbols, coord, cell=box, pbc=box is not None, calculator=DP(path))
    return atoms.get_potential_energy(), atoms.get_forces()


def by_deepmd(path: Path, coord, box, atype) -> tuple[float, np.ndarray]:
    from deepmd.infer import DeepPot as Evaluator

    cells = None if box is None else box[None]
    energy, force, _ = Evaluator(str(path)).eval(coord[None], cells, atype)
    return energy[0, 0], force[0]


@pytest.mark.parametrize("case", CASES)
def test_the_same_numbers_every_way(case, model, program, deepmd):
    name, path, values = model
    coord, atype = values[f"{case}_coord"][0].reshape(-1, 3), values[f"{case}_atype"]
    box = values[f"{case}_box"][0].reshape(3, 3) if f"{case}_box" in values else None
    energy, force, _ = DeepPot(path).eval(coord[None], None if box is None else box[None], atype)
    close = same_model(MODELS[name])
    for way, (e, f) in {
        "C, C++": by_program(program, path, coord, box, atype),
        "ASE": by_ase(path, coord, box, atype),
        "DeePMD-kit": by_deepmd(path, coord, box, atype),
    }.items():
        np.testing.assert_allclose(e, energy[0, 0], rtol=close, err_msg=way)
        scale = np.abs(force).max()
        np.testing.assert_allclose(f, force[0], rtol=0, atol=close * scale, err_msg=way)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""A copper model as people run them, and copper: made by DeePMD-kit itself, once, into a cache.

    python tests/benchmarks/copper.py [--folder build/copper]

One type, se_e2_a with sel 512 within 8 angstrom, 25-50-100 and axis 16, fitting net 240^3, float64:
the size of the model in DP-GEN's paper (Y. Zhang et al., Comput. Phys. Commun. 253, 107206, 2020).
Trained for one step, from a fixed seed, on labels of ASE's EMT potential: the statistics of the
environment are copper's, the forces are not, and speed does not depend on those.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "copper"
LATTICE = 3.615  # angstrom
CELLS = (4, 4, 3)  # 192 atoms
NOISE = 0.1  # angstrom, along each axis: hot copper
SETTINGS: dict = {
    "model": {
        "type_map": ["Cu"],
        "descriptor": {
            "type": "se_e2_a",
            "rcut": 8.0,
            "rcut_smth": 2.0,
            "sel": [512],
            "neuron": [25, 50, 100],
            "axis_neuron": 16,
            "seed": 1,
        },
        "fitting_net": {"neuron": [240, 240, 240], "resnet_dt": True, "seed": 1},
    },
    "learning_rate": {"type": "exp", "start_lr": 1e-3, "stop_lr": 1e-8, "decay_steps": 100},
    "loss": {"type": "ener"},
    "training": {"numb_steps": 1, "seed": 1, "disp_freq": 1, "save_freq": 1},
}


def crystal(seed: int, lattice: float = LATTICE) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (192, 3) and box (3, 3), angstrom, of fcc copper with thermal noise."""
    basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    corners = np.stack(np.meshgrid(*map(range, CELLS), indexing="ij"), -1).reshape(-1, 1, 3)
    sites = (corners + basis).reshape(-1, 3) * lattice
    noise = np.random.default_rng(seed).normal(scale=NOISE, size=sites.shape)
    return sites + noise, np.diag(CELLS) * lattice


def write_system(folder: Path, frames: int = 4) -> None:
    """Crystals a little compressed and stretched, with EMT's energies and forces, for dp train."""
    from ase import Atoms
    from ase.calculators.emt import EMT

    rows: dict[str, list[np.ndarray]] = {"coord": [], "box": [], "energy": [], "force": []}
    for seed in range(frames):
        coord, box = crystal(seed, LATTICE * (0.97 + 0.02 * seed))
        atoms = Atoms(f"Cu{len(coord)}", positions=coord, cell=box, pbc=True, calculator=EMT())
        found = coord, box, np.array(atoms.get_potential_energy()), atoms.get_forces()
        for key, value in zip(rows, found, strict=True):
            rows[key].append(value.reshape(-1))
    (folder / "set.000").mkdir(parents=True)
    np.savetxt(folder / "type.raw", np.zeros(len(coord), int), fmt="%d")
    (folder / "type_map.raw").write_text("Cu\n")
    for key, value in rows.items():
        np.save(folder / "set.000" / f"{key}.npy", np.array(value))


def graph(folder: Path = CACHE) -> Path:
    """The frozen model, made if it is not there. Raises CalledProcessError if DeePMD-kit fails."""
    path = folder / "graph.pb"
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_system(work / "data")
        settings = json.loads(json.dumps(SETTINGS))
        settings["training"]["training_data"] = {"systems": ["data"], "batch_size": 1}
        (work / "input.json").write_text(json.dumps(settings))
        dp = [sys.executable, "-m", "deepmd", "--tf"]
        for arguments in (["train", "input.json"], ["freeze", "-o", "graph.pb"]):
            subprocess.run([*dp, *arguments], cwd=work, check=True, capture_output=True)
        part = folder / "graph.pb.part"
        part.write_bytes((work / "graph.pb").read_bytes())
        part.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=CACHE)
    print(graph(parser.parse_args().folder))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""1,000 steps of NVE water in LAMMPS: the original graph in DeePMD-kit's pair style, then ours, in
one process; and ours on one and on two ranks. Prints JSON.

    python tests/benchmarks/lammps_nve.py ../shared/models/sea/graph.pb [--steps 1000] [--ranks 2]

Drift is the slope of a line through the total energy, fluctuation the spread about it.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from dponnx import compress

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import lammps_runs as lmp  # noqa: E402

TIMESTEP_PS = 0.0005


def simulation(style: str, steps: int, dump: str) -> str:
    """A script: 1,536 atoms of water, NVE, total energies and pressures every tenth step."""
    return f"""
clear
{lmp.HEAD.format(boundary="p p p", data="water.data")}
mass 1 15.999
mass 2 1.008
replicate 2 2 2
pair_style {style}
pair_coeff * * O H
velocity all create 330 4928459 loop geom
fix 1 all nve
timestep {TIMESTEP_PS}
thermo 10
thermo_style custom step etotal pe press cpu
thermo_modify format float %.17g
dump 1 all custom 50 {dump} id x y z
dump_modify 1 sort id format float %.17g
run {steps}
"""


def tables(output: str) -> list[np.ndarray]:
    """The thermodynamic output of each simulation in a run."""
    return [lmp.thermo(part) for part in output.split("Setting up Verlet run")[1:]]


def energy_drift(table: np.ndarray, atoms: int) -> dict[str, float]:
    """Slope (eV an atom and ps) and spread (eV an atom) of the total energy."""
    time, energy = table[:, 0] * TIMESTEP_PS, table[:, 1] / atoms
    line = np.polyfit(time, energy, 1)
    return {"slope": float(line[0]), "spread": float(np.std(energy - np.polyval(line, time)))}


def measure(graph: Path, steps: int, ranks: int, folder: Path) -> dict[str, object]:
    """Runs everything in a folder; returns what was found."""
    compress(graph, folder / "m.pb", onnx=folder / "m.onnx")
    (folder / "original.pb").symlink_to(graph.resolve())
    data = ROOT / "fixtures" / "water"
    coord, box = (np.load(data / "set.000" / f"{k}.npy")[0] for k in ("coord", "box"))
    types = np.loadtxt(data / "type.raw", dtype=int)
    lmp.write_data(folder / "water.data", coord.reshape(-1, 3), types, box.reshape(3, 3))
    both = simulation("deepmd original.pb", steps, "original.dump")
    both += simulation("dponnx m.onnx", steps, "ours.dump")
    limit = 100 + 20 * steps
    original, ours = tables(lmp.run(folder, both, ranks, peer=True, timeout=limit))
    alone = simulation("dponnx m.onnx", min(steps, 50), "alone.dump")
    lmp.run(folder, alone, 3 - ranks, timeout=limit)
    frames = [lmp.read_dump(folder / f"{k}.dump")[:2, :, 1:4] for k in ("ours", "alone")]
    edge = 2 * np.diag(box.reshape(3, 3))
    apart = frames[0] - frames[1]
    apart -= edge * np.round(apart / edge)
    atoms = 8 * len(types)
    return {
        "atoms": atoms,
        "steps": steps,
        "ranks": ranks,
        "energy_at_0": [float(x[0, 2]) for x in (original, ours)],
        "pressure_bar_at_0": [float(x[0, 3]) for x in (original, ours)],
        "original": energy_drift(original, atoms),
        "ours": energy_drift(ours, atoms),
        "katom_steps_per_s": [atoms * steps / x[-1, 4] / 1e3 for x in (original, ours)],
        "one_and_two_ranks_apart_after_50_steps": float(np.abs(apart).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("graph", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--ranks", type=int, default=2, choices=(1, 2))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(
            json.dumps(measure(options.graph, options.steps, options.ranks, Path(folder)), indent=2)
        )


if __name__ == "__main__":
    main()

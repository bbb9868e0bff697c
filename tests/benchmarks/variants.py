# SPDX-License-Identifier: LGPL-3.0-or-later
"""The forms of a model that are timed side by side, and how close their energies have to be."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import copper
from dponnx import compress

MODELS = ("sea", "sea_f32", "ser", "se3", "hybrid3", "copper")
CACHE = Path(__file__).resolve().parents[2] / "build" / "bench"
# Largest relative difference of an energy from the original's.
CLOSE = {"float64": 1e-10, "float32": 1e-6, "mixed": 1e-6}
WRONG_PEERS = ("se3", "hybrid3")  # dp compress's se_e3 tables: timed all the same


@dataclass(frozen=True)
class Variant:
    """One form of a model: a frozen graph for DeePMD-kit (peer), or an ONNX file of ours."""

    model: str
    name: str
    path: Path
    peer: bool

    @property
    def precision(self) -> str:
        if self.name == "mixed":
            return "mixed"
        return "float32" if self.model.endswith("f32") else "float64"

    def style(self, threads: int = 1) -> str:
        """LAMMPS's pair style."""
        if self.peer:
            return f"deepmd {self.path}"
        return f"dponnx {self.path}" + (f" threads {threads}" if threads > 1 else "")


def graph_of(model: str, shared: Path) -> Path:
    """The original frozen graph of a model."""
    if model == "copper":
        return copper.graph()
    return (shared / "models" / model / "graph.pb").resolve()


def dp_compressed(graph: Path) -> Path:
    """The graph after `dp compress`, kept in CACHE: it takes 13 s and never changes."""
    digest = hashlib.sha256(graph.read_bytes()).hexdigest()[:12]
    path = CACHE / f"{digest}-{version('deepmd-kit')}.pb"
    if not path.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as work:
            dp = [sys.executable, "-m", "deepmd", "--tf", "compress", "-i", graph, "-o", "out.pb"]
            subprocess.run(list(map(str, dp)), cwd=work, check=True, capture_output=True)
            part = path.with_suffix(".part")
            part.write_bytes((Path(work) / "out.pb").read_bytes())
        part.replace(path)
    return path


def variants(
    model: str, shared: Path, folder: Path, step: float | None = None
) -> dict[str, Variant]:
    """All of them by name, in the order of the tables; our files go to folder. step: of our
    tables."""
    graph = graph_of(model, shared)
    made = {"original": (graph, True), "dp compress": (dp_compressed(graph), True)}
    forms = {"plain": {"optimize": False}, "fused": {}, "mixed": {"precision": "mixed"}}
    if model.endswith("f32"):
        del forms["mixed"]
    for name, options in forms.items():
        path = folder / f"{model}-{name}.onnx"
        compress(graph, folder / f"{model}-{name}.pb", onnx=path, step=step, **options)
        made[name] = (path, False)
    return {name: Variant(model, name, path, peer) for name, (path, peer) in made.items()}


def check(energies: dict[Variant, float]) -> None:
    """Exits if an energy is not the original's, which comes first."""
    reference = next(iter(energies.values()))
    for variant, energy in energies.items():
        if variant.name == "dp compress" and variant.model in WRONG_PEERS:
            continue
        off = abs(energy / reference - 1)
        if not off <= CLOSE[variant.precision]:
            sys.exit(f"{variant.model}, {variant.name}: energy differs by {off:.1e} relative")

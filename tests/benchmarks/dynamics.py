# SPDX-License-Identifier: LGPL-3.0-or-later
"""Speed and memory of molecular dynamics in LAMMPS: the forms of a model in turns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import lammps_runs as lmp
from systems import Bulk
from variants import Variant, check

SIZES = {192: 1, 1536: 2, 12288: 4}  # atoms: boxes along each axis
USUAL = 1536
SCRIPT = """
units metal
boundary p p p
read_data {data}
{masses}
replicate {copies} {copies} {copies}
pair_style {style}
pair_coeff * * {elements}
neighbor 2.0 bin
neigh_modify every 10 delay 0 check no
velocity all create 330 4928459 loop geom
fix 1 all nve
timestep 0.0005
thermo_style custom step pe
thermo_modify format float %.17g
run {warm}
"""
MEMORY = {1536: 2, 12288: 4}
LINE = (
    "{model:9}{variant:12}{atoms:6} atoms {ranks} ranks {threads} threads"
    "{katom_step_s:8.2f} katom-step/s{us_atom_core:8.1f} us/atom/core"
)


@dataclass(frozen=True)
class Case:
    """How a form is run: on how many atoms, ranks, and threads a rank."""

    atoms: int
    ranks: int = 1
    threads: int = 1

    def suits(self, variant: Variant) -> bool:
        """Not everything everywhere: a step of the original takes 5 s at 12,288 atoms."""
        if self.threads > 1:
            return variant.name in ("fused", "mixed")
        if variant.name == "plain":
            return self == Case(USUAL)
        return variant.name != "original" or self.atoms <= USUAL


def cases(first: bool) -> list[Case]:
    """Of the first model at every size and with two threads, of others at the usual one."""
    if not first:
        return [Case(USUAL, ranks) for ranks in (1, 2)]
    both = [Case(atoms, ranks) for atoms in SIZES for ranks in (1, 2)]
    return [*both, Case(USUAL, threads=2), Case(12288, threads=2)]


def script(bulk: Bulk, style: str, copies: int, warm: int) -> str:
    masses = "\n".join(f"mass {k + 1} {m}" for k, m in enumerate(bulk.masses))
    elements = " ".join(bulk.elements)
    return SCRIPT.format(
        data="bulk.data", masses=masses, copies=copies, style=style, elements=elements, warm=warm
    )


def simulate(
    folder: Path, bulk: Bulk, variant: Variant, case: Case, steps: list[int]
) -> tuple[float, list[float]]:
    """Energy of the first step (eV), and katom-step/s of each of several runs of some steps."""
    text = script(bulk, variant.style(case.threads), SIZES[case.atoms], warm=1)
    text += "".join(f"run {n} pre no post no\n" for n in steps)
    output = lmp.run(folder, text, case.ranks, variant.peer, timeout=3000)
    loops = re.findall(r"Loop time of ([\d.e+-]+) on \d+ procs for (\d+) steps", output)[1:]
    energy = float(re.search(r"^ +0 +(-?[\d.e+]+)", output, re.M)[1])
    return energy, [case.atoms * int(n) / float(seconds) / 1e3 for seconds, n in loops]


@dataclass(frozen=True)
class Effort:
    """turns: processes of each form; runs timed in each, of some seconds."""

    turns: int
    runs: int
    seconds: float


def speeds(
    folder: Path, bulk: Bulk, forms: dict[str, Variant], todo: list[Case], effort: Effort
) -> Iterator[dict]:
    """A record for each case and form it suits, energies checked before anything counts."""
    bulk.write(folder / "bulk.data")
    first = {v: simulate(folder, bulk, v, Case(192), [2]) for v in forms.values()}
    check({v: energy for v, (energy, _) in first.items()})
    guess = {v: rates[0] for v, (_, rates) in first.items()}
    for case in todo:
        found: dict[Variant, list[float]] = {v: [] for v in forms.values() if case.suits(v)}
        for _ in range(effort.turns):
            for variant, rates in found.items():
                rate = guess[variant] * case.ranks * case.threads
                steps = max(2, round(effort.seconds * rate * 1e3 / case.atoms))
                rates += simulate(folder, bulk, variant, case, [steps] * effort.runs)[1]
        for variant, rates in found.items():
            rate = median(rates)
            yield {
                "model": variant.model,
                "variant": variant.name,
                **vars(case),
                "katom_step_s": rate,
                "spread": max(rates) - min(rates),
                "us_atom_core": 1e3 * case.ranks * case.threads / rate,
                "fastest_us_step": 1e3 * case.atoms / max(rates),
            }


def memory(folder: Path, bulk: Bulk, forms: dict[str, Variant]) -> Iterator[dict]:
    """Bytes an atom beyond the engine's own: slope of the peak over sizes, less that of `pair_style
    zero`, which lists the same neighbours."""
    bulk.write(folder / "bulk.data")
    atoms = list(MEMORY)

    def slope(style: str, peer: bool, bulk: Bulk) -> float:
        small, large = (
            lmp.peak(folder, script(bulk, style, copies, warm=1), peer)
            for copies in MEMORY.values()
        )
        return (large - small) / (atoms[1] - atoms[0])

    # pair_style zero takes no elements.
    engine = slope("zero 6.0 full", False, replace(bulk, elements=()))
    for name in ("dp compress", "fused", "mixed"):
        variant = forms[name]
        more = slope(variant.style(), variant.peer, bulk) - engine
        yield {"model": variant.model, "variant": name, "bytes_atom": more, "engine": engine}

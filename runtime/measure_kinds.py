# SPDX-License-Identifier: LGPL-3.0-or-later
"""What `dp test` compares, reports and writes for each type of model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from .batch import Batch
from .deep_eval import DeepEval
from .details import AXES, TENSOR, Pair, headings, save_table, side_by_side, write_details
from .errors import InputError


@dataclass(frozen=True)
class Moments:
    """Sums over compared numbers, so that errors of parts add up to those of the whole.

    absolute, squared: of the (weighted) differences; weight: how many there are."""

    absolute: float
    squared: float
    weight: float

    @classmethod
    def of(cls, difference: np.ndarray, weight: np.ndarray | None = None) -> Moments:
        w = np.ones(difference.shape) if weight is None else weight
        size = np.abs(difference)
        return cls(float((size * w).sum()), float((size**2 * w).sum()), float(w.sum()))

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.absolute + other.absolute,
            self.squared + other.squared,
            self.weight + other.weight,
        )

    @property
    def mae(self) -> float:
        return self.absolute / self.weight if self.weight else 0.0

    @property
    def rmse(self) -> float:
        return float(np.sqrt(self.squared / self.weight)) if self.weight else 0.0


@dataclass(frozen=True)
class Line:
    """How the errors of a quantity are printed: `name MAEper: x unit`, then RMSE alike.

    system_only: left out of the average over all systems."""

    key: str
    name: str
    per: str = ""
    unit: str = ""
    system_only: bool = False


@dataclass(frozen=True)
class Result:
    """Errors by quantity, and what the detail files hold: (data, prediction) by quantity."""

    errors: dict[str, Moments]
    pairs: dict[str, Pair] = field(default_factory=dict)


class Kind(ABC):
    """One model type. labels: those to read; LINES: what is printed, in this order."""

    LINES: ClassVar[tuple[Line, ...]]
    MEASURES: ClassVar[tuple[str, ...]] = ("mae", "rmse")
    FOOTER: ClassVar[tuple[str, ...]] = ()
    WIDTH: ClassVar[int] = 19

    def __init__(self, model: DeepEval, atomic: bool) -> None:
        self.model, self.atomic = model, atomic

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, the most important one first."""

    @abstractmethod
    def evaluate(self, batch: Batch) -> Result:
        """Predict the frames and compare them with their labels."""

    @abstractmethod
    def write(self, prefix: Path, system: str, result: Result, group: int) -> None:
        """Write the detail files of the group-th system, counted from 0."""

    def lines(self, errors: dict[str, Moments], over_all: bool) -> Iterator[str]:
        """The report of one system, or of all of them."""
        for line in self.LINES:
            if line.key in errors and not (over_all and line.system_only):
                for measure in self.MEASURES:
                    label = f"{line.name} {measure.upper()}{line.per}".ljust(self.WIDTH)
                    value = f"{getattr(errors[line.key], measure):e}"
                    yield f"{label}: {value} {line.unit}".rstrip()
        yield from self.FOOTER

    def _required(self, batch: Batch, name: str, widths: tuple[int, ...]) -> np.ndarray:
        """A label (nframes, width) that must be there."""
        if name not in batch.labels:
            raise InputError(
                f"{batch.name}: no {name}.npy in its sets; a {self.model.info.model_type} model "
                f"is tested against it{' (-a)' if self.atomic else ''}"
            )
        value = batch.labels[name].reshape(batch.nframes, -1)
        if value.shape[1] not in widths:
            wanted = " or ".join(map(str, sorted(set(widths))))
            raise InputError(
                f"{batch.name}: {name}.npy has {value.shape[1]} numbers a frame; expected {wanted}"
            )
        return value


class EnergyKind(Kind):
    """Energy, force, virial and stress; labels that are missing are not compared."""

    LINES = (
        Line("energy", "Energy", unit="eV"),
        Line("energy_per_atom", "Energy", "/Natoms", "eV"),
        Line("force", "Force ", unit="eV/Å"),
        Line("force_weighted", "Force weighted", unit="eV/Å"),
        Line("virial", "Virial", unit="eV"),
        Line("virial_per_atom", "Virial", "/Natoms", "eV"),
        Line("stress", "Stress", unit="eV/Å³"),
        Line("atom_energy", "Atomic ener", unit="eV", system_only=True),
    )

    @property
    def labels(self) -> tuple[str, ...]:
        atomic = ("atom_ener",) if self.atomic else ()
        return ("energy", "force", "virial", "atom_pref", *atomic)

    def evaluate(self, batch: Batch) -> Result:
        n, natoms, labels = batch.nframes, batch.natoms, batch.labels
        true = self._required(batch, "atom_ener", (natoms,)) if self.atomic else None
        energy, force, virial, *parts = batch.evaluate(self.model, atomic=self.atomic)
        predicted = {"energy": energy, "force": force, "virial": virial}
        # DeePMD-kit writes zeros in place of labels that are missing.
        data = {key: labels.get(key, np.zeros_like(value)) for key, value in predicted.items()}
        pairs = {key: (data[key], predicted[key]) for key in predicted}
        compared = [key for key in predicted if key in labels]
        if batch.cell is None:
            compared = [key for key in compared if key != "virial"]
        if "virial" in compared:
            volume = np.abs(np.linalg.det(batch.cell))[:, None]
            pairs["stress"] = tuple(-side / volume for side in pairs["virial"])
            compared.append("stress")
        errors = {}
        for key in compared:
            difference = pairs[key][1] - pairs[key][0]
            errors[key] = Moments.of(difference)
            if key in ("energy", "virial"):
                errors[f"{key}_per_atom"] = Moments.of(difference / natoms)
        if "force" in compared and "atom_pref" in labels:
            weight = self._required(batch, "atom_pref", (natoms,)).reshape(n, natoms, 1)
            errors["force_weighted"] = Moments.of(
                force - data["force"], np.broadcast_to(weight, force.shape)
            )
        if true is not None:
            errors["atom_energy"] = Moments.of(parts[0][:, :, 0] - true)
        return Result(errors, pairs)

    def write(self, prefix: Path, system: str, result: Result, group: int) -> None:
        natoms = result.pairs["force"][0].shape[1]
        write_details(
            prefix.with_suffix(""), system, natoms, tuple(result.pairs.values()), group > 0
        )


class TensorKind(Kind):
    """Dipole or polarisability: the frames' tensors, or the atoms' in their place."""

    MEASURES = ("rmse",)
    FOOTER = ("The unit of error is the same as the unit of provided label.",)
    LABEL: ClassVar[str]
    COMPONENTS: ClassVar[list[str]]

    @property
    def labels(self) -> tuple[str, ...]:
        return (f"atom_{self.LABEL}" if self.atomic else self.LABEL,)

    def evaluate(self, batch: Batch) -> Result:
        chosen = np.isin(batch.types, self.model.info.sel_type)
        nsel = int(chosen[0].sum())
        if self.atomic:
            pair = self._atoms(batch, chosen, nsel)
            return Result({"tensor": Moments.of(pair[1] - pair[0])} if nsel else {}, {"": pair})
        data = self._required(batch, self.LABEL, (len(self.COMPONENTS),))
        pair = data, batch.evaluate(self.model, atomic=False)
        errors = {"tensor": Moments.of(pair[1] - pair[0])}
        if nsel:
            errors["per_root"] = Moments.of((pair[1] - pair[0]) / np.sqrt(nsel))
            errors["per_atom"] = Moments.of((pair[1] - pair[0]) / nsel)
        return Result(errors, {"": pair})

    def _atoms(self, batch: Batch, chosen: np.ndarray, nsel: int) -> Pair:
        """Labels and predictions (nframes, nsel, k) of the chosen (nframes, natoms) atoms."""
        shape = batch.nframes, nsel, len(self.COMPONENTS)
        if (chosen.sum(axis=1) != nsel).any():
            raise InputError(
                f"{batch.name}: its frames differ in the number of atoms with a {self.LABEL}; "
                "test frames of one composition, or leave out -a"
            )
        # On disk for the chosen atoms only, or for all.
        widths = nsel * shape[2], batch.natoms * shape[2]
        data = self._required(batch, f"atom_{self.LABEL}", widths)
        if data.shape[1] == widths[1]:
            data = data.reshape(batch.nframes, batch.natoms, shape[2])[chosen]
        predicted = batch.evaluate(self.model, atomic=True)[chosen]
        return data.reshape(shape), predicted.reshape(shape)

    def write(self, prefix: Path, system: str, result: Result, group: int) -> None:
        pair = result.pairs[""]
        names = self.COMPONENTS
        if self.atomic:
            names = [f"{x}{i + 1}" for i in range(pair[0].shape[1]) for x in self.COMPONENTS]
        if names:
            table = side_by_side(pair, len(names))
            save_table(
                prefix.with_suffix(_numbered(".out", group)), table, " ".join(headings(names))
            )


# Two blanks before RMSE, as DeePMD-kit prints them.
class DipoleKind(TensorKind):
    LABEL, COMPONENTS = "dipole", list(AXES)
    LINES = (
        Line("tensor", "Dipole "),
        Line("per_root", "Dipole ", "/sqrtN", system_only=True),
        Line("per_atom", "Dipole ", "/N", system_only=True),
    )


class PolarKind(TensorKind):
    LABEL, COMPONENTS = "polarizability", [f"p{ab}" for ab in TENSOR]
    WIDTH = 27
    LINES = (
        Line("tensor", "Polarizability "),
        Line("per_root", "Polarizability ", "/sqrtN", system_only=True),
        Line("per_atom", "Polarizability ", "/N", system_only=True),
    )


class DosKind(Kind):
    """The density of states of the frames, and of the atoms."""

    LINES = (
        Line("dos", "DOS", unit="Occupation/eV"),
        Line("dos_per_atom", "DOS", "/Natoms", "Occupation/eV"),
        Line("atom_dos", "Atomic DOS", unit="Occupation/eV", system_only=True),
    )

    @property
    def labels(self) -> tuple[str, ...]:
        return ("dos", "atom_dos") if self.atomic else ("dos",)

    def evaluate(self, batch: Batch) -> Result:
        k = self.model.info.output_dim
        data = self._required(batch, "dos", (k,))
        atoms = self._required(batch, "atom_dos", (k * batch.natoms,)) if self.atomic else None
        predicted, *parts = batch.evaluate(self.model, atomic=self.atomic)
        errors = {
            "dos": Moments.of(predicted - data),
            "dos_per_atom": Moments.of((predicted - data) / batch.natoms),
        }
        pairs = {"dos": (data, predicted)}
        if atoms is not None:
            pairs["ados"] = atoms, parts[0].reshape(batch.nframes, -1)
            errors["atom_dos"] = Moments.of(pairs["ados"][1] - atoms)
        return Result(errors, pairs)

    def write(self, prefix: Path, system: str, result: Result, group: int) -> None:
        for name, pair in result.pairs.items():
            for frame, rows in enumerate(zip(*pair, strict=True)):
                file = prefix.with_suffix(f"{_numbered(f'.{name}.out', group)}.{frame}")
                header = f"{system} - {frame}: {' '.join(headings([name]))}"
                save_table(file, side_by_side(rows, 1), header)


def _numbered(suffix: str, group: int) -> str:
    """Files of later systems carry their number, as in DeePMD-kit."""
    return f"{suffix}.{group}" if group else suffix


KINDS = {"ener": EnergyKind, "dipole": DipoleKind, "polar": PolarKind, "dos": DosKind}

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Prove a compressed model: the original against it, on the user's own frames.

1. open both; 2. evaluate every frame with both; 3. per system MAE, RMSE and largest difference of
energy, force and virial, and the atom with the worst force; 4. compare with the tolerance.
"""

from __future__ import annotations

import json as json_module
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from .deep_pot import DeepPot
from .details import write_details
from .errors import InputError, ValidationError
from .models import open_compressed, open_reference
from .progress import Progress
from .systems import Frame, System, find_systems

# Largest force difference accepted by default, eV/angstrom, by computing precision.
TOL_FORCE = {"float64": 1e-6, "mixed": 1e-4, "float32": 1e-3}


@dataclass(frozen=True)
class Errors:
    """Mean absolute, root mean square and largest absolute difference."""

    mae: float
    rmse: float
    max: float

    @classmethod
    def of(cls, difference: np.ndarray) -> Errors:
        if difference.size == 0:
            return cls(0.0, 0.0, 0.0)
        size = np.abs(difference)
        return cls(float(size.mean()), float(np.sqrt((size**2).mean())), float(size.max()))


@dataclass(frozen=True)
class SystemReport:
    """Compressed minus original over one system.

    energy, virial: eV; *_per_atom: eV per atom; force: eV/angstrom, by component.
    worst_frame, worst_atom: where the largest force difference is, counted from 0.
    """

    path: str
    nframes: int
    natoms: int
    energy: Errors
    energy_per_atom: Errors
    force: Errors
    virial: Errors
    virial_per_atom: Errors
    worst_frame: int
    worst_atom: int

    QUANTITIES = ("energy", "energy_per_atom", "force", "virial", "virial_per_atom")


@dataclass(frozen=True)
class ValidationReport:
    """Every system, the tolerance in eV/angstrom, and the largest force difference found."""

    model: str
    compressed: str
    reference: str
    precision: str
    tol_force: float
    systems: tuple[SystemReport, ...]

    @property
    def worst(self) -> SystemReport:
        """The system with the largest force difference; NaN counts as the largest."""
        return max(self.systems, key=lambda s: _nan_is_infinite(s.force.max))

    @property
    def passed(self) -> bool:
        """True if every force is within tol_force and every energy and virial is a number."""
        finite = all(np.isfinite([s.energy.max, s.virial.max]).all() for s in self.systems)
        return bool(finite and self.worst.force.max <= self.tol_force)

    def check(self) -> None:
        """Raise ValidationError, with the worst place and a remedy, unless passed."""
        if self.passed:
            return
        worst = self.worst
        raise ValidationError(
            f"{self.compressed}: force differs by {worst.force.max:.3g} eV/angstrom from "
            f"{self.model} ({worst.path}, frame {worst.worst_frame}, atom {worst.worst_atom}); "
            f"tolerance {self.tol_force:g}. Compress with a smaller step (-s), or check that the "
            "frame is sound"
        )

    def to_json(self) -> str:
        """The report as JSON; NaN and infinity become null."""
        record = asdict(self) | {"passed": self.passed}
        return json_module.dumps(_finite(record), indent=2, allow_nan=False) + "\n"


def validate(
    model: str | Path,
    compressed: str | Path,
    systems: str | Path | Iterable[str | Path],
    n: int = 0,
    reference: str = "convert",
    detail: str | Path | None = None,
    json: str | Path | None = None,
    tol_force: float | None = None,
    progress: Progress | None = None,
    device: str | None = None,
) -> ValidationReport:
    """Compare compressed (.onnx or .pb) with the original model (.pb) on systems.

    n: frames of each system, 0 = all. reference: "convert" (the original, converted in memory
    without compression) or "tf" (the original in DeePMD-kit). detail: prefix of files as
    `dp test -d` writes them. json: file for the report. tol_force: eV/angstrom, default by the
    model's precision (TOL_FORCE). device: where .onnx models run, as DeepPot's. Labels in the
    systems are not needed and not read.
    Raises InputError; the report's check() raises ValidationError.
    """
    progress = progress or Progress()
    if n < 0:
        raise InputError(f"n is {n}; expected the frames of each system, 0 for all")
    if tol_force is not None and not tol_force > 0:
        raise InputError(f"tol_force is {tol_force}; expected eV/angstrom above 0")
    found = find_systems(systems)
    with progress.stage(f"opening {compressed}"):
        new = open_compressed(compressed, device)
    with progress.stage(f"opening {model}"):
        original = open_reference(model, reference, device)
    if list(original.get_type_map()) != list(new.get_type_map()):
        raise InputError(
            f"{compressed}: type map {' '.join(new.get_type_map())}, but {model} has "
            f"{' '.join(original.get_type_map())}. Do the two belong together?"
        )
    precision = _precision(new, original)
    reports = []
    for k, system in enumerate(progress.track(found, "systems")):
        reports.append(_compare(original, new, system, n, detail, append=k > 0))
    report = ValidationReport(
        model=str(model),
        compressed=str(compressed),
        reference=reference,
        precision=precision,
        tol_force=TOL_FORCE[precision] if tol_force is None else tol_force,
        systems=tuple(reports),
    )
    if json is not None:
        Path(json).write_text(report.to_json())
    return report


def _compare(
    original: Any, new: Any, system: System, n: int, detail: str | Path | None, append: bool
) -> SystemReport:
    frames = list(islice(system.frames(original.get_type_map()), n or None))
    if not frames:
        raise InputError(f"{system.path}: no frames in its coord.npy; expected at least one")
    natoms = len(frames[0].atype)
    data = [_evaluate(original, frame) for frame in frames]
    pred = [_evaluate(new, frame) for frame in frames]
    old_e, old_f, old_v = (np.concatenate(part) for part in zip(*data, strict=True))
    new_e, new_f, new_v = (np.concatenate(part) for part in zip(*pred, strict=True))
    if detail is not None:
        pairs = (old_e, new_e), (old_f, new_f), (old_v, new_v)
        write_details(detail, str(system.path), natoms, pairs, append)
    force = np.where(np.isnan(new_f - old_f), np.inf, np.abs(new_f - old_f))
    worst = np.unravel_index(np.argmax(force), force.shape) if force.size else (0, 0, 0)
    per = 1.0 / max(natoms, 1)
    return SystemReport(
        path=str(system.path),
        nframes=len(frames),
        natoms=natoms,
        energy=Errors.of(new_e - old_e),
        energy_per_atom=Errors.of((new_e - old_e) * per),
        force=Errors.of(new_f - old_f),
        virial=Errors.of(new_v - old_v),
        virial_per_atom=Errors.of((new_v - old_v) * per),
        worst_frame=int(worst[0]),
        worst_atom=int(worst[1]),
    )


def _evaluate(model: Any, frame: Frame) -> Sequence[np.ndarray]:
    """Energy (1, 1), force (1, natoms, 3), virial (1, 9) of one frame by either engine.

    Virtual atoms are left out, as DeePMD-kit's TensorFlow ops refuse them; their force is 0.
    """
    real = np.flatnonzero(frame.atype >= 0)
    aparam = frame.aparam if model.get_dim_aparam() else None
    energy, force, virial = model.eval(
        frame.coord[None, real],
        None if frame.cell is None else frame.cell[None],
        frame.atype[real],
        fparam=frame.fparam if model.get_dim_fparam() else None,
        aparam=None if aparam is None else aparam[None, real],
    )[:3]
    whole = np.zeros((1, len(frame.atype), 3))
    whole[:, real] = force
    return energy, whole, virial


def _precision(*models: Any) -> str:
    """Computing precision of the first of the models that is ours; float64 if none says."""
    found = [model.info.precision for model in models if isinstance(model, DeepPot)]
    return found[0] if found and found[0] in TOL_FORCE else "float64"


def _nan_is_infinite(x: float) -> float:
    return float("inf") if np.isnan(x) else x


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Model deviation: how far several models disagree on the same frames, as `dp model-devi`.

1. every model predicts every frame; 2. of each number take the root mean square over the models,
about their mean or (real error) about the label; 3. a force's deviation is the norm of its three;
4. one row a frame with the largest, the smallest and the mean of virial and force, and the energy.

Source: Y. Zhang et al., Comput. Phys. Commun. 253, 107206 (2020); relative deviations:
J. Zeng et al., J. Chem. Phys. 159, 054801 (2023), equations 71 and 72.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from .batch import Batch, read_batch
from .deep_pot import DeepPot
from .errors import InputError
from .progress import Progress
from .systems import LABELS, find_systems

log = logging.getLogger("dponnx")
COLUMNS = [f"{which}_devi_{x}" for x in "vf" for which in ("max", "min", "avg")] + ["devi_e"]


@dataclass(frozen=True)
class DeviationOptions:
    """How the deviation is measured and what is written.

    frequency   steps between two frames: the first column counts 0, frequency, 2 frequency, ...
    real_error  about the labels of the data instead of the models' mean
    atomic      every atom's force deviation, too
    relative    level in eV/angstrom: divide a force's deviation by its magnitude plus this
    relative_v  level in eV an atom: the same for the virial
    device      where the models run, as DeepPot's
    """

    frequency: int = 1
    real_error: bool = False
    atomic: bool = False
    relative: float | None = None
    relative_v: float | None = None
    device: str | None = None


def model_devi(
    models: Sequence[str | Path],
    systems: str | Path | Iterable[str | Path],
    output: str | Path | None = None,
    options: DeviationOptions | None = None,
    progress: Progress | None = None,
) -> list[np.ndarray]:
    """Deviation of models (.onnx, energies) on every system; see deviation.

    output: a file to which all systems are appended, once all are done.
    Raises InputError for models that do not belong together and for data that do not fit.
    """
    options, progress = options or DeviationOptions(), progress or Progress()
    found = find_systems(systems)
    opened = [DeepPot(path, device=options.device) for path in models]
    if not opened:
        raise InputError("no models; expected two or more")
    if len(opened) == 1 and not options.real_error:
        log.warning("one model does not deviate from itself: every deviation is 0")
    first = opened[0]
    for model in opened[1:]:
        if model.get_type_map() != first.get_type_map():
            raise InputError(
                f"{model.info.name}: type map {' '.join(model.get_type_map())}, but "
                f"{first.info.name} has {' '.join(first.get_type_map())}; give models of one kind"
            )
    tables = []
    for system in progress.track(found, "systems"):
        batch = read_batch(system, first, LABELS if options.real_error else ())
        tables.append((batch.name, deviation(opened, batch, options)))
    if output is not None:
        with open(output, "a", encoding="utf-8") as stream:
            for name, table in tables:
                write_table(stream, name, table)
    return [table for _, table in tables]


def deviation(models: Sequence[DeepPot], batch: Batch, options: DeviationOptions) -> np.ndarray:
    """One row a frame (nframes, 8): step, largest, smallest and mean deviation of the virial, the
    same of the force, and the energy's; if options.atomic every atom's force deviation behind.

    Virial and energy in eV an atom, force in eV/angstrom.
    """
    energy, force, virial = (
        np.stack(values)
        for values in zip(*(batch.evaluate(model)[:3] for model in models), strict=True)
    )
    true_e, true_f, true_v = _labels(batch) if options.real_error else (None, None, None)
    devi_v = spread(virial / batch.natoms, true_v, options.relative_v)
    devi_f = np.linalg.norm(spread(force, true_f, options.relative), axis=-1)
    devi_e = spread(energy / batch.natoms, true_e)[:, 0]
    columns = [
        np.arange(batch.nframes) * options.frequency,
        *(devi_v.max(axis=1), devi_v.min(axis=1), np.sqrt(np.mean(devi_v**2, axis=1))),
        *(devi_f.max(axis=1), devi_f.min(axis=1), devi_f.mean(axis=1)),
        devi_e,
        *(devi_f.T if options.atomic else ()),
    ]
    return np.stack(columns, axis=1)


def spread(
    values: np.ndarray,
    true: np.ndarray | None = None,
    level: float | None = None,
) -> np.ndarray:
    """Root mean square over the models (axis 0) about their mean, or about true values.

    level: divide by it plus the norm, over the last axis, of what the values are compared with.
    """
    centre = values.mean(axis=0) if true is None else true
    result = np.sqrt(np.mean(np.square(values - centre), axis=0))
    if level is None:
        return result
    return result / (np.linalg.norm(centre, axis=-1, keepdims=True) + level)


def _labels(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy an atom (nframes, 1), force (nframes, natoms, 3), virial an atom (nframes, 9)."""
    n, natoms = batch.nframes, batch.natoms
    zeros = {"energy": (n, 1), "force": (n, natoms, 3), "virial": (n, 9)}
    missing = [name for name in zeros if name not in batch.labels]
    if missing:
        log.warning(
            "%s: no %s: real errors of it are against zeros, as in dp model-devi",
            batch.name,
            ", ".join(f"{name}.npy" for name in missing),
        )
    energy, force, virial = (batch.labels.get(name, np.zeros(zeros[name])) for name in zeros)
    return energy / natoms, force, virial / natoms


def write_table(stream: TextIO, name: str, table: np.ndarray) -> None:
    """A system's rows in DeePMD-kit's columns and widths, under its name and the columns'."""
    names = [*COLUMNS, *(["atm_devi_f(N)"] if table.shape[1] > 1 + len(COLUMNS) else [])]
    header = f"{name}\n{'step':10}" + "".join(f"{column:19}" for column in names)
    formats = ["%12d"] + ["%19.6e"] * (table.shape[1] - 1)
    np.savetxt(stream, table, fmt=formats, delimiter="", header=header)

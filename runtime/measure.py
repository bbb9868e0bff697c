# SPDX-License-Identifier: LGPL-3.0-or-later
"""Errors of a model on labelled data, as `dp test` reports and writes them.

1. open the model: its type chooses what is compared (measure_kinds.py); 2. for each system read
the frames and their labels, shuffled and cut as asked; 3. evaluate, report the system's errors,
write the details; 4. report the errors over all systems, each number counting alike.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .batch import Batch, read_batch
from .deep_eval import DeepEval
from .deep_tensor import open_model
from .errors import InputError
from .measure_kinds import KINDS, Moments
from .systems import System

log = logging.getLogger("dponnx")


@dataclass(frozen=True)
class MeasureOptions:
    """What is tested and written.

    numb_test  frames of each system, 0: all
    atomic     the labels of the atoms, too (energy), or in place of the frames' (tensors)
    shuffle    take the frames in random order; rand_seed: that of the order, as in DeePMD-kit
    detail     prefix of the files of data beside predictions
    device     where the model runs, as DeepPot's
    """

    numb_test: int = 0
    atomic: bool = False
    shuffle: bool = False
    rand_seed: int | None = None
    detail: str | Path | None = None
    device: str | None = None


def measure(
    model: str | Path,
    systems: list[System],
    options: MeasureOptions | None = None,
    report: Callable[[str], None] = print,
) -> dict[str, Moments]:
    """Errors of a model (.onnx, of any type) over all systems, by quantity.

    report: takes the lines of the report, one by one, as `dp test` prints them.
    Raises InputError for labels that a model of this type needs and that are missing or do not
    fit, and what open_model and System.frames raise.
    """
    options = options or MeasureOptions()
    if options.numb_test < 0:
        raise InputError(f"numb_test is {options.numb_test}; expected frames a system, 0 for all")
    if options.detail is not None and not Path(options.detail).name:
        raise InputError(f"detail is {str(options.detail)!r}; expected the beginning of file names")
    opened = open_model(model, device=options.device)
    kind = KINDS[opened.info.model_type](opened, options.atomic)
    seed = None if options.rand_seed is None else options.rand_seed % 2**32
    # DeePMD-kit's generator: the same seed takes the same frames.
    generator = np.random.RandomState(seed) if options.shuffle else None
    total: dict[str, Moments] = {}
    for group, system in enumerate(systems):
        report("# ---------------output of dp test--------------- ")
        report(f"# testing system : {system.path}")
        batch = _frames(system, opened, kind.labels, options, generator)
        result = kind.evaluate(batch)
        if not result.errors:
            log.warning("%s: no labels to compare with; expected %s", batch.name, kind.labels[0])
        if options.detail is not None:
            kind.write(Path(options.detail), batch.name, result, group)
        report(f"# number of test data : {batch.nframes} ")
        for line in kind.lines(result.errors, over_all=False):
            report(line)
        report("# ----------------------------------------------- ")
        for key, moments in result.errors.items():
            total[key] = total[key] + moments if key in total else moments
    report("# ----------weighted average of errors----------- ")
    report(f"# number of systems : {len(systems)}")
    for line in kind.lines(total, over_all=True):
        report(line)
    report("# ----------------------------------------------- ")
    return total


def _frames(
    system: System,
    model: DeepEval,
    labels: tuple[str, ...],
    options: MeasureOptions,
    generator: np.random.RandomState | None,
) -> Batch:
    """The first frames, or as many in random order; numb_copy.npy says how often each counts."""
    limit = options.numb_test or None
    if generator is None:
        return read_batch(system, model, labels, limit)
    batch = read_batch(system, model, (*labels, "numb_copy"))
    copies = batch.labels.get("numb_copy", np.ones(batch.nframes)).reshape(-1)
    if not copies.max() > 0 or copies.min() < 0:
        raise InputError(f"{batch.name}: numb_copy.npy holds {copies.min():g} to {copies.max():g}")
    order = np.repeat(np.arange(batch.nframes), copies.astype(int))
    generator.shuffle(order)
    return batch.select(order[:limit])

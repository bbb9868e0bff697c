# SPDX-License-Identifier: LGPL-3.0-or-later
"""Predicts the force error of a table spacing, and chooses the largest spacing that will do.

The force is linear in the slope of the embedding nets, to first order: a table of spacing h
makes a force error of K max|table' - net'|. K is measured once, with coarse tables whose error
stands far above rounding, on frames of a system or of our own making; the slope error of any
other spacing is then measured net by net, which is cheap.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..runtime.deep_pot import DeepPot
from ..runtime.errors import InputError
from ..runtime.progress import Progress
from . import pass_tables
from .assemble import onnx_bytes, prepare
from .exact_grid import grid_of, slope_error
from .frozen_graph import FrozenModel
from .grids import TableOptions
from .nets import EmbeddingNet

log = logging.getLogger("dponnx")

COARSE = 0.4  # spacing whose force error is measured
STEPS = [m * 10**e for e in (-2, -3) for m in (10, 8, 6, 5, 4, 3, 2.5, 2, 1.5, 1.2)] + [0.001]
ROUNDING = 1e-13  # eV/angstrom; no prediction lies below


@dataclass(frozen=True)
class Frames:
    """coord (nframes, natoms, 3) angstrom, box (nframes, 3, 3) or None, atype (natoms,)."""

    coord: np.ndarray
    box: np.ndarray | None
    atype: np.ndarray

    def force_error(self, model: bytes, original: bytes) -> float:
        """Largest difference of the forces of two serialized ONNX models, eV/angstrom."""
        a, b = (
            DeepPot.from_bytes(m).eval(self.coord, self.box, self.atype)[1]
            for m in (model, original)
        )
        return float(np.abs(a - b).max())


@dataclass(frozen=True)
class Prediction:
    """force error of tables of spacing step: amplification * largest slope error."""

    step: float
    amplification: float
    slope: float

    @property
    def force(self) -> float:
        return max(self.amplification * self.slope, ROUNDING)


def step_for(
    max_error: float, system: str | Path | None, model: FrozenModel, options: TableOptions
) -> TableOptions:
    """The options with the largest step that keeps the force error below max_error
    (eV/angstrom): predicted on made-up frames, or predicted and proven on those of a system."""
    if not model.quantity.is_energy:
        raise InputError(
            "--max-error is about forces in eV/angstrom, but the model type is "
            f"{model.model_type}; give --step"
        )
    if system is None:
        frames, prove = made_up_frames(model, options.min_nbor_dist), None
    else:
        frames = frames_of(str(system), model.type_map)
        original = onnx_bytes(model, None)

        def prove(step: float) -> float:
            return frames.force_error(onnx_bytes(model, replace(options, step=step)), original)

    at = predictor(model, options, frames)
    found, measured = choose_step(at, max_error, prove)
    proven = "" if measured is None else f", {measured:.1e} measured on {system}"
    log.info("step %g: force error %.1e eV/angstrom predicted%s", found.step, found.force, proven)
    return replace(options, step=found.step)


def predictor(
    model: FrozenModel, options: TableOptions, frames: Frames
) -> Callable[[float], Prediction]:
    """A function from a step to the prediction."""
    coarse = replace(options, step=COARSE, frequency=-1)
    nets = pass_tables.plan(prepare(model, Progress()), options).nets
    measured = frames.force_error(onnx_bytes(model, coarse), onnx_bytes(model, None))
    amplification = measured / largest_slope_error(nets, coarse)
    return lambda step: Prediction(
        step, amplification, largest_slope_error(nets, replace(options, step=step))
    )


def largest_slope_error(nets: list[EmbeddingNet], options: TableOptions) -> float:
    """Over all nets, between the knots of the first sub-tables."""
    return max(slope_error(net, grid_of(net, options)) for net in nets)


def choose_step(
    at: Callable[[float], Prediction],
    max_error: float,
    prove: Callable[[float], float] | None = None,
) -> tuple[Prediction, float | None]:
    """The prediction of the largest step whose force error stays below max_error
    (eV/angstrom), and what prove(step) measured; steps it refutes are passed over."""
    best = None
    for step in STEPS:
        prediction = at(step)
        log.debug("step %g: predicted force error %.2e", step, prediction.force)
        if prediction.force < max_error:
            measured = None if prove is None else prove(step)
            if measured is None or measured < max_error:
                return prediction, measured
            log.info("step %g: predicted %.1e, measured %.1e", step, prediction.force, measured)
        if best is None or prediction.force < best.force:
            best = prediction
    raise InputError(
        f"--max-error {max_error:g} eV/angstrom cannot be reached: the best step, {best.step:g}, "
        f"is predicted to leave {best.force:.1e}"
    )


def made_up_frames(model: FrozenModel, shortest: float, seed: int = 0) -> Frames:
    """Pairs of atoms `shortest` to 1.5 times that (angstrom) apart, on a lattice as dense as
    sel allows: what tables see in a molecular liquid."""
    rng = np.random.default_rng(seed)
    density = 0.6 * max(model.n_neighbors, 2) / (4 / 3 * np.pi * model.rcut**3)
    cells = 3
    edge = cells * (2 / density) ** (1 / 3)
    sites = np.stack(np.meshgrid(*[np.arange(cells)] * 3), axis=-1).reshape(-1, 3) * edge / cells
    direction = rng.normal(size=sites.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    bond = shortest * rng.uniform(1.0, 1.5, (len(sites), 1))
    coord = np.stack([sites, sites + bond * direction], axis=1).reshape(1, -1, 3)
    return Frames(coord, edge * np.eye(3)[None], np.arange(coord.shape[1]) % model.ntypes)


def frames_of(system: str, type_map: list[str], count: int = 2) -> Frames:
    """The first frames of a system in DeePMD-kit's format."""
    from ..runtime.systems import System

    found = []
    for frame in System.open(system).frames(type_map):
        found.append(frame)
        if len(found) == count:
            break
    if not found:
        raise InputError(f"{system} holds no frames; expected set.*/coord.npy")
    periodic = found[0].cell is not None
    return Frames(
        np.stack([f.coord for f in found]),
        np.stack([f.cell for f in found]) if periodic else None,
        found[0].atype,
    )

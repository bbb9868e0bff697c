# SPDX-License-Identifier: LGPL-3.0-or-later
"""The way through: frozen graph -> our graph -> ONNX and frozen TF. Start reading here."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

from ..runtime.errors import InputError, OutputTooLargeError
from ..runtime.progress import Progress
from ..runtime.report import CompressionReport
from ..runtime.training_data import DistanceSources
from . import (
    accuracy,
    check,
    emit_onnx,
    emit_tf,
    frozen_graph,
    pass_overflow,
    pass_tables,
    surgeon,
)
from .assemble import description, metadata, prepare
from .boundary import guarded
from .frozen_graph import FrozenModel
from .grids import TableOptions
from .save import Outputs
from .sizes import SizeCheck


@guarded
def compress(
    input: str | Path,
    output: str | Path | None = None,
    *,
    onnx: str | Path | None = None,
    step: float | None = None,
    extrapolate: float = 5.0,
    frequency: int = -1,
    max_error: float | None = None,
    system: str | Path | None = None,
    min_nbor_dist: float | None = None,
    training_script: str | Path | None = None,
    checkpoint_folder: str | Path | None = None,
    optimize: bool = True,
    precision: str = "model",
    progress: Progress | None = None,
) -> CompressionReport:
    """Replaces the embedding nets of a frozen model by tables; writes frozen TF and ONNX.

    input: graph.pb. output: the frozen-TF file (default input's name with -compress.pb);
    onnx: the ONNX file (default: output with suffix .onnx).
    step: spacing of the first sub-table's knots, dimensionless, that of the second one ten times
    as much; None: for each net the widest up to 0.1 whose slopes are exact to 1e-11 (float32:
    1e-5) of the largest, or else 0.01, what `dp compress` takes; extrapolate >= 1: the second
    sub-table reaches to this many times the first one's end; frequency: overflow check every
    so many evaluations, -1 never; max_error: instead of step, the largest force error in
    eV/angstrom, proven on the first frames of system, if given; min_nbor_dist: shortest
    distance in angstrom, instead of the model's; training_script, checkpoint_folder: a training
    input, or a folder that holds one, whose data are measured if the model does not hold
    the distance; optimize: fused operators in the ONNX file, which give the same numbers in less
    time; False: the plain ones, for reading; precision of the ONNX file: "model" as the original's,
    "mixed" tables and fitting nets in float32, coordinates, environment and sums of energies and
    forces in float64.
    Raises InputError, UnsupportedModelError or ConversionError; then nothing is written.
    Raises OutputTooLargeError, its `report` attached, if the frozen-TF file would exceed 2 GB:
    the ONNX file is then written, with a data file beside it.
    """
    start, progress = time.perf_counter(), progress or Progress()
    input = Path(input)
    output = input.with_name(f"{input.stem}-compress.pb") if output is None else Path(output)
    onnx = output.with_suffix(".onnx") if onnx is None else Path(onnx)
    _check_options(step, extrapolate)
    _check_precision(precision, optimize)
    with Outputs(input, [output, onnx]) as files:
        model = _read(input, progress)
        if model.is_compressed:
            raise InputError(f"{input} is already compressed; give the graph it was made from")
        sources = DistanceSources(min_nbor_dist, training_script, checkpoint_folder)
        shortest = sources.find(input, model.min_nbor_dist, progress)
        options = TableOptions(step, extrapolate, frequency, shortest)
        if max_error is not None:
            with progress.stage("choosing the step"):
                options = accuracy.step_for(max_error, system, model, options)
        graph = prepare(model, progress)
        plan = pass_tables.plan(graph, options)
        sizes = SizeCheck(input.stat().st_size, plan.nbytes, options.step or plan.finest)
        with progress.stage("compressing"):
            tables = surgeon.tabulate(graph, model, plan, options, progress)
        with progress.stage(f"writing {output.name} and {onnx.name}"):
            if sizes.too_large:
                files.drop(output)
            else:
                plain = graph.copy()
                surgeon.derive(plain, model)
                twin = emit_tf.to_graph_def(plain, model, compressed=True)
                files.write(output, twin.SerializeToString())
                del twin, plain
            not_fused = surgeon.fuse(graph) if optimize else []
            mixed = precision == "mixed" and surgeon.narrow(graph, model)
            surgeon.derive(graph, model)
            if frequency > 0:
                pass_overflow.run(graph, [t.name for t in tables], model.ntypes)
            about = metadata(model, graph, tables, shortest, plan.kept, mixed)
            nodes = _write_onnx(files, onnx, graph, about, apart=sizes.too_large)
        del graph
        with progress.stage("checking the files written"):
            if not sizes.too_large:
                check.frozen_tf(files.temporary(output))
            check.onnx(files.temporary(onnx), shortest)
        files.commit()
    seconds = time.perf_counter() - start
    report = CompressionReport(output, onnx, tables, seconds, nodes, plan.kept, not_fused)
    if sizes.too_large:
        raise OutputTooLargeError(sizes.explain(output, onnx), replace(report, output=None))
    return report


@guarded
def convert(
    input: str | Path, output: str | Path, *, progress: Progress | None = None
) -> CompressionReport:
    """Writes a frozen model as ONNX, its embedding nets as they are.

    Raises InputError, UnsupportedModelError or ConversionError; then nothing is written.
    """
    start, progress = time.perf_counter(), progress or Progress()
    input, output = Path(input), Path(output)
    with Outputs(input, [output]) as files:
        model = _read(input, progress)
        graph = _convert(model, progress)
        apart = SizeCheck(input.stat().st_size, 0, 0).too_large
        with progress.stage(f"writing {output.name}"):
            nodes = _write_onnx(files, output, graph, metadata(model, graph), apart=apart)
        with progress.stage("checking the file written"):
            check.onnx(files.temporary(output), model.min_nbor_dist or 1.0)
        files.commit()
    return CompressionReport(None, output, [], time.perf_counter() - start, nodes)


@guarded
def convert_to_bytes(input: str | Path) -> bytes:
    """The same in memory: a serialized ONNX model."""
    progress = Progress()
    model = _read(Path(input), progress)
    graph = _convert(model, progress)
    onnx_model, _ = emit_onnx.to_model(graph, metadata(model, graph))
    return onnx_model.SerializeToString()


@guarded
def describe(path: str | Path) -> dict[str, str]:
    """What a frozen model says about itself, for dponnx info."""
    model = frozen_graph.read(path)
    return description(model) | {
        "format": "frozen TensorFlow graph",
        "descriptor": model.descriptor,
    }


def _read(path: Path, progress: Progress) -> FrozenModel:
    with progress.stage(f"reading {path.name}"):
        return frozen_graph.read(path)


def _convert(model: FrozenModel, progress: Progress):
    """Our graph of the model, its nets as they are, with forces."""
    graph = prepare(model, progress)
    with progress.stage("building the force graph"):
        surgeon.derive(graph, model)
    return graph


def _write_onnx(files: Outputs, path: Path, graph, about: dict[str, str], *, apart: bool) -> int:
    """Writes the model, its large constants apart in a data file if asked. Returns the number
    of nodes."""
    data = path.with_name(f"{path.name}.data")
    model, parts = emit_onnx.to_model(graph, about, data.name if apart else None)
    if apart:
        files.add(data)
        files.write(data, *parts)
    files.write(path, model.SerializeToString())
    return len(model.graph.node)


def _check_options(step: float | None, extrapolate: float) -> None:
    if step is not None and not (math.isfinite(step) and step > 0):
        raise InputError(f"step is {step}; expected a number above 0, such as 0.01")
    if not (math.isfinite(extrapolate) and extrapolate >= 1):
        raise InputError(f"extrapolate is {extrapolate}; expected 1 or more, such as 5")


def _check_precision(precision: str, optimize: bool) -> None:
    if precision not in ("model", "mixed"):
        raise InputError(f"precision is {precision!r}; expected 'model' or 'mixed'")
    if precision == "mixed" and not optimize:
        raise InputError("precision mixed needs fused operators: leave out --opt 0")

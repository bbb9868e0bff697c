# SPDX-License-Identifier: LGPL-3.0-or-later
"""The way through: frozen graph -> our graph -> ONNX and frozen TF. Start reading here."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..runtime.errors import InputError
from ..runtime.progress import Progress
from ..runtime.report import CompressionReport, NetReport
from . import check, emit_onnx, emit_tf, frozen_graph, surgeon, to_onnx
from .frozen_graph import FrozenModel
from .grids import TableOptions
from .save import Outputs


def compress(
    input: str | Path,
    output: str | Path | None = None,
    *,
    onnx: str | Path | None = None,
    step: float = 0.01,
    extrapolate: float = 5.0,
    frequency: int = -1,
    min_nbor_dist: float | None = None,
    progress: Progress | None = None,
) -> CompressionReport:
    """Replaces the embedding nets of a frozen model by tables; writes frozen TF and ONNX.

    input: graph.pb. output: the frozen-TF file (default input's name with -compress.pb);
    onnx: the ONNX file (default: output with suffix .onnx).
    step: spacing of the first sub-table's knots, dimensionless; extrapolate >= 1: the second
    sub-table reaches to this many times the first one's end; frequency: overflow check every
    so many evaluations, -1 never; min_nbor_dist: shortest distance in angstrom, if the model
    does not hold it.
    Raises InputError, UnsupportedModelError or ConversionError; then nothing is written.
    """
    start, progress = time.perf_counter(), progress or Progress()
    input = Path(input)
    output = input.with_name(f"{input.stem}-compress.pb") if output is None else Path(output)
    onnx = output.with_suffix(".onnx") if onnx is None else Path(onnx)
    _check_options(step, extrapolate)
    with Outputs(input, [output, onnx]) as files:
        model = _read(input, progress)
        if model.is_compressed:
            raise InputError(f"{input} is already compressed; give the graph it was made from")
        shortest = model.min_nbor_dist if min_nbor_dist is None else min_nbor_dist
        if shortest is None or not (math.isfinite(shortest) and shortest > 0):
            raise InputError(
                f"{input}: train_attr/min_nbor_dist is {shortest or 'missing'}; give the shortest "
                "distance of the training data with --min-nbor-dist (angstrom)"
            )
        options = TableOptions(step, extrapolate, frequency, shortest)
        graph, tables = _operate(model, options, progress)
        with progress.stage(f"writing {output.name} and {onnx.name}"):
            twin = emit_tf.to_graph_def(graph, model, compressed=True)
            files.write(output, twin.SerializeToString())
            del twin
            onnx_model = emit_onnx.to_model(graph, _metadata(model, tables, shortest))
            nodes = len(onnx_model.graph.node)
            files.write(onnx, onnx_model.SerializeToString())
        del graph, onnx_model
        with progress.stage("checking the files written"):
            check.frozen_tf(files.temporary(output))
            check.onnx(files.temporary(onnx), shortest)
        files.commit()
    return CompressionReport(output, onnx, tables, time.perf_counter() - start, nodes)


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
        onnx_model = _convert(model, progress)
        with progress.stage(f"writing {output.name}"):
            files.write(output, onnx_model.SerializeToString())
        with progress.stage("checking the file written"):
            check.onnx(files.temporary(output), model.min_nbor_dist or 1.0)
        files.commit()
    nodes = len(onnx_model.graph.node)
    return CompressionReport(None, output, [], time.perf_counter() - start, nodes)


def convert_to_bytes(input: str | Path) -> bytes:
    """The same in memory: a serialized ONNX model."""
    progress = Progress()
    return _convert(_read(Path(input), progress), progress).SerializeToString()


def describe(path: str | Path) -> dict[str, str]:
    """What a frozen model says about itself, for dponnx info."""
    model = frozen_graph.read(path)
    return {"format": "frozen TensorFlow graph", "descriptor": model.descriptor} | _metadata(
        model, [], model.min_nbor_dist, compressed=model.is_compressed
    )


def _read(path: Path, progress: Progress) -> FrozenModel:
    with progress.stage(f"reading {path.name}"):
        return frozen_graph.read(path)


def _operate(model: FrozenModel, options: TableOptions | None, progress: Progress):
    with progress.stage("converting the energy graph"):
        graph = to_onnx.forward_graph(model)
    with progress.stage("compressing" if options else "building the force graph"):
        return graph, surgeon.operate(graph, model, options, progress)


def _convert(model: FrozenModel, progress: Progress):
    graph, _ = _operate(model, None, progress)
    return emit_onnx.to_model(
        graph, _metadata(model, [], model.min_nbor_dist, compressed=model.is_compressed)
    )


def _check_options(step: float, extrapolate: float) -> None:
    if not (math.isfinite(step) and step > 0):
        raise InputError(f"step is {step}; expected a number above 0, such as 0.01")
    if not (math.isfinite(extrapolate) and extrapolate >= 1):
        raise InputError(f"extrapolate is {extrapolate}; expected 1 or more, such as 5")


def _metadata(
    model: FrozenModel,
    tables: list[NetReport],
    min_nbor_dist: float | None,
    *,
    compressed: bool = True,
) -> dict[str, str]:
    """metadata_props of the ONNX file: docs/format.md."""
    try:
        ours = version("dponnx")
    except PackageNotFoundError:
        ours = "unknown"
    return {
        "format": "dponnx-1",
        "type_map": " ".join(model.type_map),
        "rcut": repr(model.rcut),
        "sel": " ".join(map(str, model.sel)),
        "model_type": model.model_type,
        "dfparam": str(model.dfparam),
        "daparam": str(model.daparam),
        "model_version": model.model_version,
        "compressed": "true" if compressed else "false",
        "precision": str(model.precision),
        "tables": json.dumps([asdict(t) for t in tables]),
        "min_nbor_dist": "" if min_nbor_dist is None else repr(min_nbor_dist),
        "original_sha256": model.sha256,
        "training_script": model.training_script,
        "converter": f"dponnx {ours}",
    }

# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx compress`, a drop-in for `dp compress`, and `dponnx convert`."""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path
from typing import Any

from .cli_log import stdout, verb_progress
from .errors import InputError, OutputTooLargeError
from .models import converter
from .report import render

log = logging.getLogger("dponnx")


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add compress and convert to the subparsers."""
    compress = verbs.add_parser(
        "compress",
        help="replace embedding nets by tables; write .onnx and .pb",
        description="Replace the embedding nets of a frozen DeePMD-kit potential by tables of "
        "fifth-order polynomials. Writes an ONNX model, and a frozen graph that DeePMD-kit itself "
        "runs. Options as `dp compress`.",
    )
    option = compress.add_argument
    option(
        "-i",
        "--input",
        default="frozen_model.pb",
        help="the frozen TensorFlow model, .pb or .pbtxt (default: %(default)s)",
    )
    option(
        "-o",
        "--output",
        default="frozen_model_compressed.pb",
        help="the compressed model for DeePMD-kit (default: %(default)s)",
    )
    option(
        "--onnx",
        metavar="PATH",
        help="the compressed model for ONNX Runtime (default: the output with suffix .onnx)",
    )
    option(
        "-s",
        "--step",
        type=float,
        help="spacing of the knots in the range of the training data, in units of the normalised "
        "switched inverse distance (dimensionless); ten times that beyond. Smaller is more "
        "accurate and larger: usual are 0.1 to 0.001 (default: for each net the widest up to 0.1 "
        "that is exact but for rounding, or else 0.01; 0.1 beyond)",
    )
    option(
        "-e",
        "--extrapolate",
        type=float,
        default=5.0,
        help="the tables end at this multiple, at least 1, of the largest input of the training "
        "data; further out the potential continues along the tangent (default: 5)",
    )
    option(
        "-f",
        "--frequency",
        type=int,
        default=-1,
        help="count inputs beyond the training data in every N-th evaluation and report them; "
        "-1: never (default: %(default)s)",
    )
    option(
        "-c",
        "--checkpoint-folder",
        metavar="FOLDER",
        help="folder with the training script (input.json, out.json or any .json that names "
        "training data), used as -t where neither model nor options give the distance; dponnx "
        "writes nothing there (default: none)",
    )
    option(
        "-t",
        "--training-script",
        metavar="SCRIPT",
        help="training input (.json, .yaml) whose data give the smallest distance between atoms, "
        "for models that do not carry it; only its data paths are read, relative to it "
        "(default: none)",
    )
    option(
        "--min-nbor-dist",
        type=float,
        metavar="R",
        help="smallest distance between atoms in the training data, angstrom; wins over the "
        "model's own and over -t and -c (default: the model's own)",
    )
    option(
        "--max-error",
        type=float,
        metavar="ERR",
        help="instead of -s: the largest step whose predicted force error stays below ERR, "
        "eV/angstrom",
    )
    option(
        "--system",
        metavar="DIR",
        help="with --max-error: frames (DeePMD-kit's format) on which the error is proven",
    )
    option(
        "-m",
        "--mpi-log",
        choices=["master", "collect", "workers"],
        default="master",
        help="under mpirun with mpi4py only rank 0 converts; master: only rank 0 logs; collect: "
        "every rank logs, into one file; workers: every rank logs into a file of its own, "
        "LOG_0.txt for LOG.txt. Without mpi4py: no effect (default: %(default)s)",
    )
    option(
        "--opt",
        type=int,
        choices=[0, 1],
        default=1,
        help="1: fused operators in the ONNX file; 0: plain ones, which give the same numbers in "
        "more time, for reading the graph (default: %(default)s)",
    )
    option(
        "--precision",
        choices=["model", "mixed"],
        default="model",
        help="of the ONNX file; mixed: tables and fitting nets in float32, coordinates, forces and "
        "energies' sums in float64: faster, with force errors of about 1e-6 eV/angstrom "
        "(default: %(default)s)",
    )
    compress.set_defaults(run=run_compress)

    convert = verbs.add_parser(
        "convert",
        help="write .onnx without tables",
        description="Convert a frozen DeePMD-kit potential to ONNX, embedding nets as they are.",
    )
    convert.add_argument("-i", "--input", default="frozen_model.pb", help="the frozen model, .pb")
    convert.add_argument(
        "-o", "--output", help="the ONNX model (default: the input with suffix .onnx)"
    )
    convert.set_defaults(run=run_convert)
    return [compress, convert]


def run_compress(args: argparse.Namespace) -> None:
    """Check the options, compress, print the table of nets."""
    if args.step is not None:
        _positive("-s/--step", args.step, "for example 0.01")
    if not (math.isfinite(args.extrapolate) and args.extrapolate >= 1):
        raise InputError(f"-e/--extrapolate is {args.extrapolate}; expected 1 or more, usually 5")
    if args.max_error is not None:
        _positive("--max-error", args.max_error, "eV/angstrom, for example 1e-6")
    if args.system is not None and args.max_error is None:
        raise InputError("--system goes with --max-error; to compare two models: dponnx validate")
    if args.frequency < -1 or args.frequency == 0:
        raise InputError(f"-f/--frequency is {args.frequency}; expected -1 (never) or 1 or more")
    if args.min_nbor_dist is not None:
        _positive("--min-nbor-dist", args.min_nbor_dist, "angstrom, for example 0.9")
    model = input_model(args.input)
    output = args.output if Path(args.output).suffix else f"{args.output}.pb"
    output = output_file("-o/--output", output, ".pb", model)
    onnx = output_file("--onnx", args.onnx or output.with_suffix(".onnx"), ".onnx", model)
    try:
        report = converter().compress(
            model,
            output,
            onnx=onnx,
            step=args.step,
            extrapolate=args.extrapolate,
            frequency=args.frequency,
            max_error=args.max_error,
            system=args.system,
            min_nbor_dist=args.min_nbor_dist,
            training_script=args.training_script,
            checkpoint_folder=args.checkpoint_folder,
            optimize=args.opt > 0,
            precision=args.precision,
            progress=verb_progress(),
        )
    except OutputTooLargeError as error:
        render(error.report, stdout())
        raise
    render(report, stdout())


def run_convert(args: argparse.Namespace) -> None:
    """Convert without compressing."""
    model = input_model(args.input)
    output = output_file("-o/--output", args.output or model.with_suffix(".onnx"), ".onnx", model)
    render(converter().convert(model, output, progress=verb_progress()), stdout())


def input_model(name: str) -> Path:
    """The frozen model; a name without suffix gets .pb, as in DeePMD-kit."""
    path = Path(name)
    if not path.exists() and path.suffix not in (".pb", ".pbtxt"):
        path = path.with_name(path.name + ".pb")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a frozen model (.pb)")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a frozen model (dp freeze -o {path})")
    return path


def output_file(option: str, name: str | Path, suffix: str, model: Path) -> Path:
    """A path that can be written and is not the input; checked before the work starts."""
    path = Path(name)
    if path.suffix != suffix:
        raise InputError(f"{option} is {path}; expected a file name ending in {suffix}")
    if path.is_dir():
        raise InputError(f"{option}: {path} is a folder; expected a file name")
    if not path.parent.is_dir():
        raise InputError(f"{option}: folder {path.parent} does not exist; create it first")
    if path.resolve() == model.resolve():
        raise InputError(f"{option}: {path} is the input; expected another file name")
    return path


def _positive(option: str, value: float, example: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{option} is {value}; expected a number above 0, {example}")

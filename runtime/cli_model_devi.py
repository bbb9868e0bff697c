# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx model-devi`: how far several models disagree on data, as `dp model-devi`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from .cli_log import verb_progress
from .cli_options import (
    add_device_option,
    add_model_option,
    add_set_prefix,
    add_system_option,
    onnx_name,
    warn_of_set_prefix,
)
from .errors import InputError
from .model_devi import DeviationOptions, model_devi

log = logging.getLogger("dponnx")


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add model-devi to the subparsers."""
    parser = verbs.add_parser(
        "model-devi",
        help="how far several models disagree on data",
        description="Deviation of the models' forces (eV/angstrom), virials and energies (eV an "
        "atom) on the frames of systems in DeePMD-kit's format. Options and file as `dp "
        "model-devi`.",
    )
    option = parser.add_argument
    add_model_option(
        parser,
        "--models",
        "the models, .onnx",
        nargs="+",
        default=[f"graph.{k:03d}" for k in range(4)],
        metavar="MODEL",
    )
    add_system_option(parser)
    add_set_prefix(parser)
    option(
        "-o",
        "--output",
        default="model_devi.out",
        metavar="FILE",
        help="the results are appended to this file (default: %(default)s)",
    )
    option(
        "-f",
        "--frequency",
        type=int,
        default=1,
        metavar="N",
        help="steps between two frames of the trajectory (default: %(default)s)",
    )
    option(
        "--real_error",
        action="store_true",
        help="the models' root mean square error against the labels of the data",
    )
    option("--atomic", action="store_true", help="the deviation of every atom's force, too")
    option(
        "--relative",
        type=float,
        metavar="LEVEL",
        help="divide a force's deviation by its magnitude plus LEVEL, eV/angstrom",
    )
    option(
        "--relative_v",
        type=float,
        metavar="LEVEL",
        help="divide a virial's deviation by its magnitude plus LEVEL, eV an atom",
    )
    add_device_option(parser)
    parser.set_defaults(run=run_model_devi)
    return [parser]


def run_model_devi(args: argparse.Namespace) -> None:
    """Compare the models and append to the file."""
    warn_of_set_prefix(args)
    if not Path(args.output).parent.is_dir():
        raise InputError(f"-o/--output: {Path(args.output).parent}: no such folder; make it first")
    options = DeviationOptions(
        frequency=args.frequency,
        real_error=args.real_error,
        atomic=args.atomic,
        relative=args.relative,
        relative_v=args.relative_v,
        device=args.device,
    )
    models = [onnx_name(name) for name in args.models]
    tables = model_devi(models, args.system, args.output, options, verb_progress())
    frames = sum(len(table) for table in tables)
    log.info("%s: %d frames of %d systems", args.output, frames, len(tables))

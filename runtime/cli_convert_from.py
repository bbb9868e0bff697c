# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx convert-from`: old frozen graphs for today's DeePMD-kit, options as `dp convert-from`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

from .cli_compress import input_model, output_file
from .cli_log import stdout, verb_progress
from .models import converter
from .report import print_line

VERSIONS = ("auto", "0.12", "1.0", "1.1", "1.2", "1.3", "2.0", "pbtxt")
log = logging.getLogger("dponnx")


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add convert-from to the subparsers."""
    parser = verbs.add_parser(
        "convert-from",
        help="upgrade a graph frozen by DeePMD-kit 0.12 to 2.0",
        description="Upgrade a frozen graph of DeePMD-kit 0.12 to 2.0 to what DeePMD-kit 2.1 to "
        "3.2 reads. compress and convert do this by themselves, in memory.",
    )
    parser.add_argument(
        "version",
        nargs="?",
        choices=VERSIONS,
        default="auto",
        help="the release that froze the graph, checked against the file; pbtxt: a text graph of "
        "any release (default: %(default)s)",
    )
    parser.add_argument(
        "-i",
        "--input-model",
        default="frozen_model.pb",
        help="the old graph, .pb or .pbtxt (default: %(default)s)",
    )
    parser.add_argument(
        "-o",
        "--output-model",
        default="convert_out.pb",
        help="the new graph; a name ending in .pbtxt: the graph as text, not upgraded "
        "(default: %(default)s)",
    )
    parser.set_defaults(run=run_convert_from)
    return [parser]


def run_convert_from(args: argparse.Namespace) -> None:
    """Upgrade, say what the graph was."""
    model = input_model(args.input_model)
    output = Path(args.output_model)
    suffix = ".pbtxt" if output.suffix == ".pbtxt" else ".pb"
    output = output_file(
        "-o/--output-model", output if output.suffix else f"{output}.pb", suffix, model
    )
    report = converter().convert_from(model, output, args.version, progress=verb_progress())
    done = "upgraded to 2.1" if report.steps else "written as it is"
    release = "2.1 or later" if report.found == "2.1" else report.found
    print_line(stdout(), f"{output}: DeePMD-kit {release} graph ({report.why}), {done}")

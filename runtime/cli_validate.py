# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx validate`: the original model against the compressed one."""

from __future__ import annotations

import argparse
from typing import Any

from .cli_log import stdout, verb_progress
from .cli_options import add_device_option, add_frames_option, add_system_option
from .report import print_line, print_table
from .validate import ValidationReport, validate

UNITS = {
    "energy": "eV",
    "energy_per_atom": "eV/atom",
    "force": "eV/angstrom",
    "virial": "eV",
    "virial_per_atom": "eV/atom",
}


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add validate to the subparsers."""
    parser = verbs.add_parser(
        "validate",
        help="compare a compressed model with the original on your data",
        description="Evaluate the original and the compressed model on the frames of systems in "
        "DeePMD-kit's format and compare energies, forces and virials. Labels are not needed. "
        "Exit code 1 if a force differs by more than the tolerance.",
    )
    option = parser.add_argument
    option("-m", "--model", default="frozen_model.pb", help="the original (default: %(default)s)")
    option("-c", "--compressed", required=True, help="the compressed model, .onnx or .pb")
    add_system_option(parser, required=True)
    add_frames_option(parser)
    option(
        "-d",
        "--detail-file",
        metavar="PREFIX",
        help="write PREFIX.{e,e_peratom,f,v,v_peratom}.out as `dp test -d`: data_* is the "
        "original, pred_* the compressed model; eV, eV/angstrom",
    )
    option("--json", metavar="FILE", help="write the report to this file, too")
    option(
        "--tol-force",
        type=float,
        metavar="F",
        help="largest force difference accepted, eV/angstrom (default: 1e-6, or 1e-3 for models "
        "that compute in float32)",
    )
    option(
        "--reference",
        choices=["convert", "tf"],
        default="convert",
        help="the original runs converted to ONNX without tables, or in DeePMD-kit on TensorFlow "
        "(default: %(default)s)",
    )
    add_device_option(parser)
    parser.set_defaults(run=run_validate)
    return [parser]


def run_validate(args: argparse.Namespace) -> None:
    """Validate, print the report, raise ValidationError if the models disagree."""
    report = validate(
        args.model,
        args.compressed,
        args.system,
        n=args.numb_test,
        reference=args.reference,
        detail=args.detail_file,
        json=args.json,
        tol_force=args.tol_force,
        device=args.device,
        progress=verb_progress(),
    )
    print_report(report)
    report.check()


def print_report(report: ValidationReport) -> None:
    """One table a system, then the verdict, on stdout."""
    console = stdout()
    for system in report.systems:
        rows = []
        for name in system.QUANTITIES:
            errors = getattr(system, name)
            values = [f"{x:.3e}" for x in (errors.mae, errors.rmse, errors.max)]
            rows.append((name.replace("_", " "), *values, UNITS[name]))
        title = f"{system.path}: {system.nframes} frames, {system.natoms} atoms"
        print_table(console, title, ["compressed - original", "MAE", "RMSE", "max", "unit"], rows)
        print_line(console, f"worst force: frame {system.worst_frame}, atom {system.worst_atom}")
    worst = report.worst.force.max
    sign = "within" if report.passed else "NOT within"
    print_line(
        console,
        f"largest force difference {worst:.3e} eV/angstrom: {sign} {report.tol_force:g} "
        f"({report.precision})",
    )

# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx test`: errors of a model on labelled data, as `dp test`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .cli_log import print_result
from .cli_options import (
    add_device_option,
    add_frames_option,
    add_model_option,
    add_set_prefix,
    add_system_option,
    onnx_name,
    warn_of_set_prefix,
)
from .errors import InputError
from .measure import MeasureOptions, measure
from .systems import System, find_systems
from .training_data import systems_of


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add test to the subparsers."""
    parser = verbs.add_parser(
        "test",
        help="errors of a model on labelled data",
        description="Errors of a model (energies, dipoles, polarisabilities or densities of "
        "states) against the labels of systems in DeePMD-kit's format. Options, report and files "
        "as `dp test`.",
    )
    option = parser.add_argument
    add_model_option(parser, "--model", "the model, .onnx", default="frozen_model")
    data = parser.add_mutually_exclusive_group()
    add_system_option(data)
    data.add_argument("-f", "--datafile", metavar="FILE", help="a file that names a system a line")
    for kind in ("train", "valid"):
        data.add_argument(
            f"--{kind}-data",
            metavar="SCRIPT",
            help=f"a training input: test on its {'training' if kind == 'train' else 'validation'} "
            "data",
        )
    add_set_prefix(parser)
    add_frames_option(parser)
    option("-r", "--rand-seed", type=int, metavar="SEED", help="seed of --shuffle-test")
    option("--shuffle-test", action="store_true", help="take the frames in random order")
    option(
        "-d",
        "--detail-file",
        metavar="PREFIX",
        help="write PREFIX.{e,e_peratom,f,v,v_peratom,s}.out (tensors: PREFIX.out; densities of "
        "states: PREFIX.dos.out.FRAME): the labels beside the predictions; eV, eV/angstrom",
    )
    option(
        "-a",
        "--atomic",
        action="store_true",
        help="compare labels of the atoms: energies and densities of states in addition, dipoles "
        "and polarisabilities instead",
    )
    add_device_option(parser)
    parser.set_defaults(run=run_test)
    return [parser]


def run_test(args: argparse.Namespace) -> None:
    """Test and print the report."""
    warn_of_set_prefix(args)
    options = MeasureOptions(
        numb_test=args.numb_test,
        atomic=args.atomic,
        shuffle=args.shuffle_test,
        rand_seed=args.rand_seed,
        detail=args.detail_file,
        device=args.device,
    )
    measure(onnx_name(args.model), _systems(args), options, print_result)


def _systems(args: argparse.Namespace) -> list[System]:
    if args.train_data is not None:
        return systems_of(args.train_data, "training_data")
    if args.valid_data is not None:
        return systems_of(args.valid_data, "validation_data")
    if args.datafile is None:
        return find_systems(args.system)
    lines = Path(args.datafile).read_text(encoding="utf-8").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise InputError(f"{args.datafile}: is empty; expected a system a line")
    return find_systems(names)

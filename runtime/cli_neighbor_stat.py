# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx neighbor-stat`: smallest distance and most neighbours in data, as `dp neighbor-stat`."""

from __future__ import annotations

import argparse
import logging
import math
from typing import Any

from .cli_log import stdout, verb_progress
from .cli_options import add_system_option
from .neighbor_stat import neighbor_stat
from .report import print_line

log = logging.getLogger("dponnx")


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add neighbor-stat to the subparsers."""
    parser = verbs.add_parser(
        "neighbor-stat",
        help="smallest distance and most neighbours in data",
        description="Smallest distance of two atoms, angstrom, and the most neighbours of each "
        "type within the cutoff, over every frame of systems in DeePMD-kit's format: folders, "
        "HDF5 files (file.hdf5#/group) and mixed_type. Options as `dp neighbor-stat`.",
    )
    option = parser.add_argument
    add_system_option(parser)
    option("-r", "--rcut", type=float, required=True, help="cutoff radius, angstrom")
    option(
        "-t",
        "--type-map",
        nargs="+",
        metavar="TYPE",
        help="order of the types in the counts (default: that of the data)",
    )
    option(
        "--mixed-type",
        "--one-type",
        action="store_true",
        help="count neighbours of all types together",
    )
    parser.set_defaults(run=run_neighbor_stat)
    return [parser]


def run_neighbor_stat(args: argparse.Namespace) -> None:
    """Measure, print in DeePMD-kit's words."""
    found = neighbor_stat(
        args.system, args.rcut, args.type_map, verb_progress(), mixed_type=args.mixed_type
    )
    if math.isinf(found.min_nbor_dist):
        log.warning("no frame has two atoms: there is no smallest distance")
    if args.type_map is None and found.type_map:
        print_line(stdout(), f"type_map: {list(found.type_map)}")
    print_line(stdout(), f"min_nbor_dist: {found.min_nbor_dist:f}")
    print_line(stdout(), f"max_nbor_size: [{' '.join(map(str, found.max_nbor_size))}]")

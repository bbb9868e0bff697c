# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx config`: where the compiled parts lie, for builds and other programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .cli_log import stdout
from .errors import InputError
from .lammps_plugin import plugin_path
from .library import library_path
from .report import print_line
from .session import operator_library


def _operators() -> Path:
    library = operator_library()
    if library is None:
        raise InputError("the operator library is not installed; reinstall dponnx")
    return library


def _home() -> Path:
    return library_path().parent


# Option, the path it prints, what it is for.
PATHS: tuple[tuple[str, Callable[[], Path], str], ...] = (
    ("--include-dir", lambda: _home() / "include", "the folder of dponnx.h and dponnx.hpp"),
    ("--lib-dir", _home, "the folder of libdponnx.so"),
    ("--cmake-dir", lambda: _home() / "lib/cmake/dponnx", "for find_package: -Ddponnx_DIR=..."),
    ("--pkgconfig-dir", lambda: _home() / "lib/pkgconfig", "for pkg-config: PKG_CONFIG_PATH=..."),
    ("--lammps-plugin", plugin_path, "pair_style dponnx, for LAMMPS's command plugin load"),
    ("--ops-library", _operators, "the custom operators, for any ONNX Runtime session"),
)


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add config to the subparsers."""
    config = verbs.add_parser(
        "config",
        help="print paths for builds and other programs",
        description="Print paths of what is installed, one a line, in the order asked for.",
    )
    for option, path, purpose in PATHS:
        config.add_argument(
            option, action="append_const", dest="paths", const=(option, path), help=purpose
        )
    config.set_defaults(run=run_config, refuse=config.error)
    return [config]


def run_config(args: argparse.Namespace) -> None:
    """Print the paths asked for. Raises InputError if one is not installed."""
    if not args.paths:
        args.refuse(f"name at least one of {', '.join(option for option, _, _ in PATHS)}")
    for option, find in args.paths:
        path = find()
        if not path.exists():
            raise InputError(f"{option}: {path} is missing; install dponnx again")
        print_line(stdout(), str(path))

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Options that several verbs share, named as DeePMD-kit's."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

log = logging.getLogger("dponnx")


def add_system_option(parser: Any, required: bool = False) -> None:
    """-s: systems, or folders of systems; the working folder unless required."""
    parser.add_argument(
        "-s",
        "--system",
        nargs="+",
        default=["."],
        required=required,
        metavar="SYSTEM",
        help="systems, or folders to search for systems; in HDF5: FILE#/GROUP"
        + ("" if required else " (default: .)"),
    )


def add_frames_option(parser: argparse.ArgumentParser) -> None:
    """-n: how many frames."""
    parser.add_argument(
        "-n",
        "--numb-test",
        type=int,
        default=0,
        metavar="N",
        help="frames of each system; 0: all (default: %(default)s)",
    )


def add_model_option(parser: argparse.ArgumentParser, name: str, text: str, **more: Any) -> None:
    """-m: one or several models; see onnx_name."""
    parser.add_argument("-m", name, help=f"{text} (default: %(default)s)", **more)


def add_device_option(parser: argparse.ArgumentParser) -> None:
    """--device: where .onnx models run."""
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        help="cpu, cuda, cuda:N, or auto: CUDA where it can be used (default: the variable "
        "DPONNX_DEVICE, then cpu)",
    )


def onnx_name(name: str) -> str:
    """A model's file: a name that does not exist and has no known suffix gets .onnx."""
    known = Path(name).suffix in (".onnx", ".pb", ".pbtxt")
    return name if known or Path(name).exists() else f"{name}.onnx"


def add_set_prefix(parser: argparse.ArgumentParser) -> None:
    """-S, which DeePMD-kit still takes and no longer heeds."""
    parser.add_argument("-S", "--set-prefix", metavar="PREFIX", help="ignored, as in DeePMD-kit")


def warn_of_set_prefix(args: argparse.Namespace) -> None:
    """Say that -S has no effect."""
    if args.set_prefix is not None:
        log.warning("-S/--set-prefix is ignored: every set.* of a system is read")

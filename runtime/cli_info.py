# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx info`: what a model file says about itself."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from .cli_log import stdout
from .errors import InputError
from .metadata import ModelInfo, read_info
from .models import converter
from .report import print_line, print_pairs, print_table, size

# Long texts: named, not printed, unless --training-script asks.
_OPAQUE = ("training_script", "tables", "table_reach", "kept")


def add_verbs(verbs: Any) -> list[argparse.ArgumentParser]:
    """Add info to the subparsers."""
    info = verbs.add_parser(
        "info",
        help="describe a model file",
        description="Describe a model: .onnx written by dponnx, or a frozen graph (.pb).",
    )
    info.add_argument("file", metavar="FILE", help="the model, .onnx or .pb")
    info.add_argument(
        "--training-script", action="store_true", help="print only the training script it carries"
    )
    info.set_defaults(run=run_info)
    return [info]


def run_info(args: argparse.Namespace) -> None:
    """Print a model's metadata."""
    path = Path(args.file)
    info = None if path.suffix in (".pb", ".pbtxt") and path.is_file() else read_info(path)
    props = dict(converter().describe(path)) if info is None else dict(info.props)
    if args.training_script:
        if not props.get("training_script"):
            raise InputError(f"{path}: carries no training script (frozen before DeePMD-kit 2.0?)")
        print_line(stdout(), props["training_script"])
        return
    pairs = [("file", f"{path} ({size(path.stat().st_size)})")]
    pairs += [(key, value) for key, value in props.items() if key not in _OPAQUE]
    if props.get("training_script"):
        pairs.append(("training_script", f"{len(props['training_script'])} characters"))
    print_pairs(stdout(), "model", [(key, _one_line(value)) for key, value in pairs])
    if info is not None and info.tables:
        _print_tables(info)
    for part in info.kept if info is not None else ():
        print_line(stdout(), part.line)


def _print_tables(info: ModelInfo) -> None:
    """Tables of a compressed model: ranges (dimensionless), strides, rows, size, error."""
    columns = ["table", "lower", "upper", "max", "fine", "coarse", "rows", "size", "max error"]
    rows = []
    for table in info.tables:
        numbers = [_number(table.get(key)) for key in columns_of_grid()]
        count = sum(int(table.get(key, 0)) for key in ("n_left", "n_fine", "n_coarse"))
        rows.append(
            (
                str(table.get("name", "?")),
                *numbers,
                str(count),
                size(int(table.get("bytes", 0))),
                _number(table.get("max_error"), ".1e"),
            )
        )
    print_table(stdout(), "tables", columns, rows)


def columns_of_grid() -> tuple[str, ...]:
    """Keys of a table's entry that describe its grid."""
    return ("lower", "upper", "maximum", "fine", "coarse")


def _number(value: object, form: str = "g") -> str:
    return format(value, form) if isinstance(value, int | float) else json.dumps(value)


def _one_line(text: str) -> str:
    text = " ".join(str(text).split())
    return text if len(text) <= 200 else text[:197] + "..."

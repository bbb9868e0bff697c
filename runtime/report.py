# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a compression did, and how tables of results are printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from .metadata import KeptPart


@dataclass(frozen=True)
class NetReport:
    """One embedding net that became a table.

    lower, upper, maximum: ends of the fine and of the coarse part, normalised s(r), dimensionless;
    fine, coarse: the spacings of the knots there; n_left, n_fine, n_coarse: rows.
    max_error, max_slope_error: largest difference from the net's value and slope, measured
    between the knots of the fine part, in units of the net's output.
    types: who the net is for, "O-H" (centre and neighbour; * is any type), "*-O,H" (se_e3).
    reach: distances (angstrom) below which an input lies beyond upper, and beyond maximum.
    """

    name: str
    types: str
    reach: tuple[float, float]
    lower: float
    upper: float
    maximum: float
    fine: float
    coarse: float
    n_left: int
    n_fine: int
    n_coarse: int
    width: int
    bytes: int
    max_error: float
    max_slope_error: float

    @property
    def n_rows(self) -> int:
        return self.n_left + self.n_fine + self.n_coarse


@dataclass(frozen=True)
class CompressionReport:
    """What compress or convert wrote. output: the .pb, onnx: the .onnx (None: not written); kept:
    sub-models that compress left as they are; not_fused: why parts of the ONNX graph keep their
    plain, slower operators, one line each."""

    output: Path | None
    onnx: Path | None
    nets: list[NetReport] = field(default_factory=list)
    seconds: float = 0.0
    nodes: int = 0
    kept: list[KeptPart] = field(default_factory=list)
    not_fused: list[str] = field(default_factory=list)


def render(report: CompressionReport, console: Console) -> None:
    """Print the table of nets and the files written."""
    if report.nets:
        columns = ["net", "lower", "upper", "max", "step", "rows", "size", "error", "slope error"]
        rows = [
            (
                net.name,
                f"{net.lower:g}",
                f"{net.upper:g}",
                f"{net.maximum:g}",
                f"{net.fine:.2g}",
                str(net.n_rows),
                size(net.bytes),
                f"{net.max_error:.1e}",
                f"{net.max_slope_error:.1e}",
            )
            for net in report.nets
        ]
        print_table(console, "embedding nets replaced by tables", columns, rows)
        total = size(sum(net.bytes for net in report.nets))
        print_line(console, f"{len(report.nets)} tables, {total}")
    for part in report.kept:
        print_line(console, part.line)
    for path in (report.onnx, report.output):
        if path is not None:
            written = f" ({size(Path(path).stat().st_size)})" if Path(path).is_file() else ""
            print_line(console, f"wrote {path}{written}")
    for reason in report.not_fused:
        print_line(console, f"not fused, runs slower: {reason}")
    print_line(console, f"{report.nodes} nodes, {report.seconds:.1f} s")


def size(n_bytes: int) -> str:
    """A number of bytes for people: 1.5 MB (powers of 1000)."""
    value = float(n_bytes)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """A framed table on a terminal, else aligned columns. First column left, others right."""
    if console.is_terminal:
        table = RichTable(title=title, title_justify="left")
        for k, column in enumerate(columns):
            table.add_column(column, justify="right" if k else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell.replace("[", r"\[") for cell in row))
        console.print(table)
        return
    widths = [max(len(line[k]) for line in [columns, *rows]) for k in range(len(columns))]
    print_line(console, title)
    for line in [columns, *rows]:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print_line(console, "  ".join(cells).rstrip())


def print_pairs(console: Console, title: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Names and values, one a line: a framed table on a terminal, else `name  value`."""
    if console.is_terminal:
        table = RichTable(title=title, title_justify="left", show_header=False)
        for name, value in pairs:
            table.add_row(name, value.replace("[", r"\["))
        console.print(table)
        return
    print_line(console, title)
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        print_line(console, f"{name.ljust(width)}  {value}")


def print_line(console: Console, text: str) -> None:
    """One line as it is: no markup, no wrapping."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)

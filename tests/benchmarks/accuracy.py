# SPDX-License-Identifier: LGPL-3.0-or-later
"""Predicted beside measured force errors of every reference model, as a Markdown table.

    python tests/benchmarks/accuracy.py ../shared

Predicted on made-up frames (what --max-error does without --system), measured on bulk water
(reference.npz) against DeePMD-kit's evaluation of the original graph.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from dponnx import DeepPot
from dponnx.converter import accuracy, frozen_graph
from dponnx.converter.assemble import onnx_bytes
from dponnx.converter.grids import TableOptions

STEPS = (0.1, 0.03, 0.01, None)  # None: what compress takes where none is asked for


def errors(folder: Path) -> list[tuple[float, float]]:
    """(predicted, measured) force error in eV/angstrom at each of STEPS."""
    model = frozen_graph.read(folder / "graph.pb")
    options = TableOptions(0.01, 5.0, -1, model.min_nbor_dist)
    at = accuracy.predictor(model, options, accuracy.made_up_frames(model, options.min_nbor_dist))
    with np.load(folder / "reference.npz") as values:
        coord, box, atype, force = (
            values[f"bulk_{k}"] for k in ("coord", "box", "atype", "orig_force")
        )
    result = []
    for step in STEPS:
        found = DeepPot.from_bytes(onnx_bytes(model, replace(options, step=step)))
        measured = np.abs(found.eval(coord, box, atype)[1] - force).max()
        result.append((at(step).force, float(measured)))
    return result


def name(step: float | None) -> str:
    return "default" if step is None else f"step {step}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder that holds models/")
    options = parser.parse_args()
    print("| model |" + "".join(f" {name(s)}: predicted | measured |" for s in STEPS))
    print("|---|" + "---|---|" * len(STEPS))
    for folder in sorted((options.shared / "models").iterdir()):
        cells = "".join(f" {p:.1e} | {m:.1e} |" for p, m in errors(folder))
        print(f"| {folder.name} |{cells}", flush=True)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Two models that disagree: the water model of fixtures/, and one with other fitting weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class TwoModels:
    """onnx: compressed models for ours; pb: the same graphs for DeePMD-kit; original: the first,
    uncompressed."""

    onnx: tuple[Path, Path]
    pb: tuple[Path, Path]
    original: Path


def make_two_models(folder: Path, original: Path) -> TwoModels:
    """Compress the original and its perturbed copy into the folder."""
    from dponnx import compress

    second = perturbed(original, folder / "second.pb")
    reports = [
        compress(graph, folder / f"{name}.pb", onnx=folder / f"{name}.onnx", step=0.01)
        for name, graph in (("a", original), ("b", second))
    ]
    onnx, pb = zip(*((report.onnx, report.output) for report in reports), strict=True)
    return TwoModels(onnx, pb, original)


def perturbed(graph: Path, output: Path, size: float = 0.2) -> Path:
    """A copy of a frozen graph whose fitting weights are changed by a relative size."""
    from tensorflow import make_ndarray, make_tensor_proto
    from tensorflow.compat.v1 import GraphDef

    rng = np.random.default_rng(7)
    graph_def = GraphDef.FromString(graph.read_bytes())
    changed = 0
    for node in graph_def.node:
        if node.op == "Const" and node.name.startswith("layer_") and "/matrix" in node.name:
            value = make_ndarray(node.attr["value"].tensor)
            value = value * (1 + size * rng.standard_normal(value.shape))
            node.attr["value"].tensor.CopyFrom(make_tensor_proto(value))
            changed += 1
    assert changed
    output.write_bytes(graph_def.SerializeToString())
    return output

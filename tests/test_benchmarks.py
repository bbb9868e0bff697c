# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the benchmarks count arithmetic right, know every stage, and fill their page?"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from dponnx import compress

sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))

pytestmark = pytest.mark.usefixtures("converter", "operators", "ort")


COMMANDS = "accuracy bench compress_cost lammps_nve stages threads".split()


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_starts(name):
    command = [sys.executable, ROOT / "tests" / "benchmarks" / f"{name}.py", "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("usage: "), done.stderr


@pytest.fixture(scope="module")
def water():
    import systems

    return systems.feeds(systems.water(), 6.0)


def products(path, inputs):
    import stages

    nodes = stages.node_times(path, inputs, 1)
    return [(n.inputs, n.output) for n in nodes if n.op in ("MatMul", "Gemm", "FusedMatMul")]


def test_arithmetic_of_the_standard_water_model(shared, water, tmp_path):
    """DESIGN's section 8 has 2.55 MFLOP an atom, rounded up here and there: within 2 %."""
    import flops
    import onnx

    graph = shared / "models" / "sea" / "graph.pb"
    for name, optimize in (("plain", False), ("fused", True)):
        compress(graph, tmp_path / f"{name}.pb", optimize=optimize)
    fused = onnx.load(tmp_path / "fused.onnx")
    found = flops.mflop_atom(fused, products(tmp_path / "plain.onnx", water), water)
    assert found == pytest.approx(2.55, rel=0.02)
    near = flops.neighbours(water, 6.0).sum(axis=1).mean()
    fitting = 4 * (1600 * 240 + 2 * 240 * 240 + 240)  # 2 a multiply-add, forward and backward
    contraction = 3 * 2 * 4 * 100 * 16
    tables = near * 100 * (18 + 36)
    assert found * 1e6 == pytest.approx(fitting + contraction + tables, rel=1e-3)


def test_neighbours_are_counted_as_they_are(water):
    import flops
    import systems

    bulk = systems.water()
    near = flops.neighbours(water, 6.0)
    apart = bulk.coord - bulk.coord[7]
    apart -= np.round(apart @ np.linalg.inv(bulk.box)) @ bulk.box
    images = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(-1, 3) @ bulk.box
    distance = np.linalg.norm(apart[:, None] + images, axis=-1)
    order = np.argsort(bulk.atype, kind="stable")
    expected = [((distance < 6.0) & (bulk.atype == t)[:, None]).sum() for t in (0, 1)]
    expected[bulk.atype[7]] -= 1  # itself
    assert near[list(order).index(7)].tolist() == expected


@pytest.mark.parametrize(
    ("op", "rank", "stage"),
    [
        ("DescriptorSeA", 2, "neighbours and tables"),
        ("DescriptorSeAGrad", 2, "forces and virial"),
        ("TabulateFusionSeTGrad", 2, "forces and virial"),
        ("ProdVirialSeA", 2, "forces and virial"),
        ("ContractSeAGrad", 3, "contraction D"),
        ("FusedMatMul", 3, "contraction D"),
        ("MatMul", 3, "contraction D"),
        ("MatMul", 2, "fitting net"),
        ("FittingLayerGrad", 2, "fitting net"),
        ("Tanh", 2, "activations"),
        ("Reshape", 2, "other nodes"),
    ],
)
def test_stages(op, rank, stage):
    import stages

    assert stages.stage_of(op, [[1] * rank]) == stage


def test_the_page_is_what_the_records_say(tmp_path):
    import report

    committed = (ROOT / "docs" / "performance.md").read_text()
    data = json.loads((ROOT / "docs" / "performance.json").read_text())
    page = tmp_path / "performance.md"
    page.write_text(committed)
    report.update(page, data)
    assert page.read_text() == committed
    page.write_text(committed.replace("bench: sizes", "bench: size"))
    with pytest.raises(ValueError, match="has 0 regions `bench: sizes`; expected one"):
        report.update(page, data)

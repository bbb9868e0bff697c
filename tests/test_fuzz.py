# SPDX-License-Identifier: LGPL-3.0-or-later
"""Damaged models end in success or in one clear line: no other exception, crash or hang.

DPONNX_FUZZ is the number of mutants (60); each is made from its number, so that
`python tests/fuzz_worker.py GRAPH N N+1` repeats mutant N.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.runtime.errors import DponnxError
from mutants import BYTES, GRAPHS, mutant

COUNT = int(os.environ.get("DPONNX_FUZZ", "60"))
BATCH = 30  # mutants a process
WORKER = Path(__file__).with_name("fuzz_worker.py")
# mutants that once were no DponnxError: numbers of another shape or kind, shapes too large to
# allocate or negative, a type on which TensorFlow ends the process, line breaks in
# texts that messages quote, statistics that ask for terabytes of table, a cutoff of a million km
FOUND = [16, 47, 63, 186, 205, 250, 1296, 1308, 1376, 1438, 1882]


@pytest.fixture(scope="module")
def graph(converter, operators, fixture_dir) -> Path:
    return fixture_dir / "sea_small_2side" / "graph.pb"


def failures(graph: Path, first: int, last: int) -> list[str]:
    """What went wrong with the mutants from first to below last."""
    command = [sys.executable, str(WORKER), str(graph), str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    started, ended = lines[::2], lines[1::2]
    wrong = [
        f"mutant {mutant['seed']} ({mutant['kind']}): {end['error']}: {end['wrong']}"
        for mutant, end in zip(started, ended, strict=False)
        if end["wrong"]
    ]
    if len(ended) < last - first or done.returncode:
        at = started[-1] if len(started) > len(ended) else "none"
        wrong.append(
            f"mutant {at}: the process ended with {done.returncode}: {done.stderr[-3000:]}"
        )
    return wrong


@pytest.mark.parametrize("first", range(0, COUNT, BATCH))
def test_mutants(graph, first):
    assert failures(graph, first, min(first + BATCH, COUNT)) == []


@pytest.mark.parametrize("seed", FOUND)
def test_once_found(graph, seed, tmp_path):
    """These need no process of their own any more: they are refused before anything crashes."""
    path = tmp_path / "in.pb"
    path.write_bytes(mutant(graph.read_bytes(), seed)[1])
    with pytest.raises(DponnxError) as error:
        compress(path, tmp_path / "c.pb")
    where = str(error.value).split(" ")[0]
    assert where.startswith((str(path), "filter_type_")) and "\n" not in str(error.value)
    assert os.listdir(tmp_path) == ["in.pb"]


def test_every_kind_damages(graph):
    """A kind that changes nothing would test nothing."""
    data = graph.read_bytes()
    kinds = {mutant(data, seed)[0] for seed in range(80)}
    assert kinds == {*BYTES, *GRAPHS}
    assert all(mutant(data, seed)[1] != data for seed in range(20))


def test_the_order_of_nodes_does_not_matter(graph, fixture_dir, tmp_path):
    """A shuffled graph is the same model."""
    data = graph.read_bytes()
    seed = next(s for s in range(1000) if mutant(data, s)[0] == "shuffle_nodes")
    (tmp_path / "in.pb").write_bytes(mutant(data, seed)[1])
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as values:
        system = [values[f"bulk_{k}"] for k in ("coord", "box", "atype")]
    expected = DeepPot(compress(graph, tmp_path / "a.pb").onnx).eval(*system)
    found = DeepPot(compress(tmp_path / "in.pb", tmp_path / "b.pb").onnx).eval(*system)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-11)  # sums in another order

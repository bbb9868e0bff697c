# SPDX-License-Identifier: LGPL-3.0-or-later
"""Models above 2 GB: external data, a refused frozen TF file, bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import sizes
from dponnx.runtime.cli import main
from dponnx.runtime.errors import OutputTooLargeError
from random_model import random_model, random_system


@pytest.fixture
def graph(fixture_dir):
    return fixture_dir / "sea_small_2side" / "graph.pb"


@pytest.fixture
def low_limit(monkeypatch):
    """As if files ended at 4 MB; the fixture's tables take 6 at a step of 0.01."""
    monkeypatch.setattr(sizes, "LIMIT", 4_000_000)


def test_above_the_limit_the_data_lie_beside_the_model(low_limit, graph, fixture_dir, tmp_path):
    with pytest.raises(OutputTooLargeError, match=r"a step of 0\.0\d+ would fit"):
        compress(graph, tmp_path / "c.pb", step=0.01)
    assert sorted(os.listdir(tmp_path)) == ["c.onnx", "c.onnx.data"]
    assert (tmp_path / "c.onnx").stat().st_size < 100_000
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as v:
        found = DeepPot(tmp_path / "c.onnx").eval(v["bulk_coord"], v["bulk_box"], v["bulk_atype"])
        np.testing.assert_allclose(found[1], v["bulk_orig_force"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("step, limit", [(0.01, 4_000_000), (None, 2_000_000)])
def test_the_step_that_fits_fits(graph, tmp_path, monkeypatch, step, limit):
    monkeypatch.setattr(sizes, "LIMIT", limit)
    with pytest.raises(OutputTooLargeError) as error:
        compress(graph, tmp_path / "a.pb", step=step)
    fits = float(str(error.value).split("a step of ")[1].split(" ")[0])
    report = compress(graph, tmp_path / "b.pb", step=fits)
    assert report.output.stat().st_size <= limit + 2**20  # the margin for structure


def test_the_command_line_says_so_and_writes_onnx(low_limit, graph, tmp_path, capsys):
    files = ["-i", str(graph), "-o", str(tmp_path / "c.pb")]
    assert main(["compress", *files, "-s", "0.01", "-v", "ERROR"]) == 2
    out, err = capsys.readouterr()
    assert "tables" in out and "was not written" in err and err.count("\n") == 1
    assert (tmp_path / "c.onnx").exists() and not (tmp_path / "c.pb").exists()


def test_data_file_does_not_survive_a_failure(low_limit, graph, tmp_path, monkeypatch):
    from dponnx.converter import check

    def refuse(path, distance):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(check, "onnx", refuse)
    with pytest.raises(OSError):
        compress(graph, tmp_path / "c.pb", step=0.01)
    assert os.listdir(tmp_path) == []


def test_twelve_types_at_step_0_001(deepmd, tmp_path):
    """144 nets, more than 2 GB of tables: written with external data, and it runs. Peak memory
    of the conversion, a process of its own, stays below 3 times the output."""
    descriptor = {"type": "se_e2_a", "sel": [3] * 12, "neuron": [8, 16, 32], "axis_neuron": 4}
    descriptor["type_one_side"] = False
    graph = random_model(tmp_path / "g.pb", 12, descriptor, {"neuron": [8]}, seed=12)
    command = [sys.executable, "-m", "dponnx.runtime.cli", "compress", "-v", "ERROR"]
    arguments = ["-i", str(graph), "-o", str(tmp_path / "c.pb"), "-s", "0.001"]
    log = tmp_path / "log"
    with log.open("w") as stream:
        process = subprocess.Popen([*command, *arguments], stdout=stream, stderr=stream)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 2 and "was not written" in log.read_text()
    written = sum((tmp_path / n).stat().st_size for n in ("c.onnx", "c.onnx.data"))
    assert written > 2**31
    assert usage.ru_maxrss * 1024 < 3 * written
    coord, box, atype = random_system(12, 40, 1)
    original = deepmd.DeepPot(str(graph)).eval(coord[None], box[None], atype)
    found = DeepPot(tmp_path / "c.onnx").eval(coord[None], box[None], atype)
    np.testing.assert_allclose(found[1], original[1], rtol=0, atol=1e-11)

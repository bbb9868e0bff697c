# SPDX-License-Identifier: LGPL-3.0-or-later
"""Under a real mpirun: does only rank 0 convert, do all end alike, do logs go where -m says?"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dponnx.runtime import mpi

RANKS = 3
OUTPUTS = ["frozen_model.pb", "frozen_model_compressed.onnx", "frozen_model_compressed.pb"]


@pytest.fixture
def launch(converter, fixture_dir, tmp_path):
    """Run dponnx compress on RANKS ranks in an empty folder that holds frozen_model.pb."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed (extra 'test')")
    beside = Path(sys.executable).with_name("mpirun")
    mpirun = str(beside) if beside.is_file() else shutil.which("mpirun")
    if mpirun is None:
        pytest.skip("there is no mpirun")
    shutil.copy(fixture_dir / "sea_small_2side" / "graph.pb", tmp_path / "frozen_model.pb")

    def run(*options, command=("-m", "dponnx.runtime.cli", "compress")):
        return subprocess.run(
            [mpirun, "-n", str(RANKS), sys.executable, *command, *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )

    return run


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_master_converts_and_logs_on_rank_0_alone(launch, tmp_path):
    done = launch("-l", "log.txt")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == [*OUTPUTS, "log.txt"]
    log = (tmp_path / "log.txt").read_text()
    for text in (log, done.stderr):
        assert text.count("reading frozen_model.pb") == 1 and "rank" not in text
    assert done.stdout.count("wrote frozen_model_compressed.onnx") == 1


def test_collect_gathers_every_ranks_records_in_one_file(launch, tmp_path):
    done = launch("-m", "collect", "-l", "log.txt")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == [*OUTPUTS, "log.txt"]
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert sum("rank:0 INFO reading frozen_model.pb" in line for line in lines) == 1
    waiting = [k for k, line in enumerate(lines) if "waiting for rank 0" in line]
    assert [lines[k].split("rank:")[1][0] for k in waiting] == ["1", "2"]
    assert waiting[0] < len(lines) - RANKS, "written while rank 0 works, not at the end"
    ended = [line.split("rank:")[1] for line in lines[-2:]]
    assert sorted(ended) == [f"{k} INFO rank 0 ended with exit code 0" for k in (1, 2)]
    assert all(f"dponnx rank:{k} INFO" in done.stderr for k in range(RANKS))


def test_workers_write_a_file_each(launch, tmp_path):
    done = launch("-m", "workers", "-l", "log.txt")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == [*OUTPUTS, "log_0.txt", "log_1.txt", "log_2.txt"]
    assert "reading frozen_model.pb" in (tmp_path / "log_0.txt").read_text()
    assert "waiting for rank 0" in (tmp_path / "log_2.txt").read_text()


@pytest.mark.parametrize("mode", ["master", "collect", "workers"])
def test_failure_ends_every_rank(launch, tmp_path, mode):
    done = launch("-m", mode, "-s", "0", "-l", "log")
    assert done.returncode != 0
    assert done.stderr.count("-s/--step is 0.0") == 1
    assert not (tmp_path / OUTPUTS[1]).exists()
    logs = {"workers": ["log.0", "log.1", "log.2"]}.get(mode, ["log"])
    assert files(tmp_path) == [OUTPUTS[0], *logs]
    assert "-s/--step is 0.0" in (tmp_path / logs[0]).read_text()


def test_one_rank_without_its_log_stops_all(launch, tmp_path):
    (tmp_path / "log.1").mkdir()
    done = launch("-m", "workers", "-l", "log")
    assert done.returncode != 0 and "log.1: Is a directory" in done.stderr
    assert not (tmp_path / OUTPUTS[1]).exists()


CODES = """
import sys, pathlib
from mpi4py import MPI
from dponnx.runtime.cli import main
code = main(["compress", "-v", "ERROR", "-i", sys.argv[1]])
pathlib.Path(f"code.{MPI.COMM_WORLD.rank}").write_text(str(code))
"""


def test_every_rank_returns_the_code_of_rank_0(launch, tmp_path):
    launch("nothing.pb", command=("-c", CODES))
    assert [(tmp_path / f"code.{k}").read_text() for k in range(RANKS)] == ["2"] * RANKS


CRASH = """
import os
from dponnx.runtime import cli, cli_compress
cli_compress.input_model = lambda name: os._exit(9)
cli.main(["compress"])
"""


def test_a_rank_0_that_dies_leaves_nobody_waiting(launch):
    assert launch(command=("-c", CRASH)).returncode != 0


def test_one_process_is_none(monkeypatch):
    for name in (*mpi.SIZES, "PMIX_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert mpi.ranks() is None
    monkeypatch.setenv("PMI_SIZE", "1")
    assert mpi.ranks() is None


def test_without_mpi4py_is_none(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert mpi.ranks() is None


def test_log_names_as_deepmd(tmp_path):
    assert mpi.log_of_rank("a/log.txt", 3) == Path("a/log_3.txt")
    assert mpi.log_of_rank("a.b/log", 3) == Path("a.b/log.3")

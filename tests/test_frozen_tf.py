# SPDX-License-Identifier: LGPL-3.0-or-later
"""The frozen-TF output in DeePMD-kit's own hands: dp test, dp compress, several frames."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.runtime.cli import main


@pytest.fixture(scope="module")
def outputs(fixture_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("frozen") / "water.pb"
    return compress(fixture_dir / "sea_small_2side" / "graph.pb", out)


def dp(*arguments: str, cwd) -> subprocess.CompletedProcess:
    """DeePMD-kit's command line with the TensorFlow backend."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    command = [sys.executable, "-m", "deepmd", "--tf", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def test_dp_test_accepts_it(deepmd, outputs, fixture_dir, tmp_path):
    system = str((fixture_dir / "water").resolve())
    done = dp("test", "-m", str(outputs.output), "-s", system, "-n", "2", "-d", "x", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    predicted = np.loadtxt(tmp_path / "x.f.out")[:, 3:]
    data = fixture_dir / "water"
    coord, box = (np.load(data / "set.000" / f"{k}.npy")[:2] for k in ("coord", "box"))
    atype = np.loadtxt(data / "type.raw", dtype=int)
    force = DeepPot(outputs.onnx).eval(coord, box, atype)[1]
    # dp test prints 19 digits of what it computed
    np.testing.assert_allclose(predicted, force.reshape(-1, 3), rtol=0, atol=1e-11)


def test_dp_compress_says_it_is_already_compressed(deepmd, outputs, tmp_path):
    done = dp("compress", "-i", str(outputs.output), "-o", "again.pb", cwd=tmp_path)
    assert done.returncode != 0
    assert "already been compressed" in " ".join((done.stdout + done.stderr).split())


def test_we_say_it_too(outputs, tmp_path, capsys):
    code = main(["compress", "-i", str(outputs.output), "-o", str(tmp_path / "again.pb")])
    assert code == 2
    assert "already compressed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_frames_are_independent(deepmd, outputs, fixture_dir):
    """Shapes with several frames: what one frame gives alone it gives among others."""
    model = deepmd.DeepPot(str(outputs.output))
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as values:
        coord, box, atype = (values[f"bulk_{k}"] for k in ("coord", "box", "atype"))
    together = model.eval(coord, box, atype, atomic=True)
    for i in range(len(coord)):
        alone = model.eval(coord[i : i + 1], box[i : i + 1], atype, atomic=True)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[i], b[0], rtol=1e-13, atol=1e-12)

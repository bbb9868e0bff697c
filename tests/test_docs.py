# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the code blocks of the documentation run?"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from conftest import ROOT

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(two_models, fixture_dir, tmp_path, monkeypatch) -> Path:
    """A working folder with the files that the documentation speaks of."""
    shutil.copy(two_models.original, tmp_path / "graph.pb")
    shutil.copy(two_models.onnx[0], tmp_path / "compressed.onnx")
    shutil.copytree(fixture_dir / "water", tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", ["README.md", "docs/tools.md"])
def test_blocks_run_one_after_the_other(folder, page, capsys):
    ase = pytest.importorskip("ase", reason="ase is not installed (extra 'ase')")
    pytest.importorskip("dpdata", reason="dpdata is not installed (extra 'dpdata')")
    blocks = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert len(blocks) > 1
    names = {"atoms": ase.Atoms("OHH", positions=[[0, 0, 0], [1, 0, 0], [0, 1, 0]])}
    for k, block in enumerate(blocks):
        exec(compile(block, f"{page}, block {k + 1}", "exec"), names)
    assert names["atoms"].get_forces().shape == (3, 3)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""CMake projects built against the installed package, outside the tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

from dponnx.runtime.library import library_path


def build(source: Path, folder: Path, *options: str) -> Path:
    """Configures and builds source in folder, which is returned."""
    package = library_path().parent / "lib" / "cmake" / "dponnx"
    for command in (
        ["cmake", "-S", source, "-B", folder, f"-Ddponnx_DIR={package}", *options],
        ["cmake", "--build", folder, "--parallel", "2"],
    ):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder

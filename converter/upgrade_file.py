# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dponnx convert-from`: an old frozen graph in, one that DeePMD-kit 3.2 reads out."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from ..runtime.errors import ConversionError, InputError
from ..runtime.progress import Progress
from . import graph_file
from .save import Outputs
from .upgrade import Upgraded, upgrade
from .upgrade_detect import CURRENT, detect

log = logging.getLogger("dponnx")
LARGEST = 2**31 - 1  # bytes: protobuf's limit on one message


@dataclass(frozen=True)
class UpgradeReport:
    """found, why, steps: as in Upgraded; steps is empty where the graph was copied."""

    output: Path
    found: str
    why: str
    steps: list[str]
    seconds: float


def convert_from(
    input: str | Path,
    output: str | Path,
    version: str = "auto",
    progress: Progress | None = None,
) -> UpgradeReport:
    """Writes a graph of DeePMD-kit 0.12 to 2.0 as DeePMD-kit 2.1 to 3.2 read it.

    input: .pb, or .pbtxt (told by its content). output: with the suffix .pbtxt the graph is written
    as text and, as `dp convert-from` does, not upgraded. version: auto, or what the input must be:
    0.12, 1.0, 1.1, 1.2, 1.3, 2.0, or pbtxt for a text graph of any release.
    Raises InputError or UnsupportedModelError; then nothing is written.
    """
    start, progress = time.perf_counter(), progress or Progress()
    input, output = Path(input), Path(output)
    with Outputs(input, [output]) as files:
        with progress.stage(f"reading {input.name}"):
            data = graph_file.read_bytes(input)
            if version == "pbtxt" and not graph_file.is_text(data):
                raise InputError(f"{input}: pbtxt was stated, but it is a binary graph; state auto")
            graph_def = graph_file.parse(data, input)
            result = upgrade(graph_def, version, str(input))
        log.info("%s: frozen by %s", input, result.origin)
        if output.suffix == ".pbtxt":
            steps = []
            data = data if graph_file.is_text(data) else graph_file.to_text(graph_def)
        else:
            steps, data = result.steps, _as_binary(result, data)
        with progress.stage(f"writing {output.name}"):
            files.write(output, data)
        _read_back(files.temporary(output), output)
        files.commit()
    for step in steps:
        log.info("%s", step)
    if result.is_current:
        log.info("%s is already current: written as it is", input)
    elif not steps:
        log.info("%s: written as text, not upgraded; convert-from it to a .pb to upgrade", output)
    return UpgradeReport(output, result.found, result.why, steps, time.perf_counter() - start)


def _as_binary(result: Upgraded, data: bytes) -> bytes:
    """The upgraded graph; a current one byte for byte as it was."""
    if result.is_current and not graph_file.is_text(data):
        return data
    size = result.graph_def.ByteSize()
    if size > LARGEST:
        raise InputError(f"the graph has {size} bytes; a .pb can hold {LARGEST} at most")
    return result.graph_def.SerializeToString()


def _read_back(path: Path, output: Path) -> None:
    """What was written parses and is, unless it is text, of the current release."""
    found = detect(graph_file.parse(graph_file.read_bytes(path), output), str(output))
    if output.suffix != ".pbtxt" and found.version != CURRENT:
        raise ConversionError(f"{output}: reading it back, it is {found.version} ({found.why})")

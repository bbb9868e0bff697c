# SPDX-License-Identifier: LGPL-3.0-or-later
"""Compresses damaged copies of a model, one a seed: python fuzz_worker.py GRAPH FIRST LAST.

Writes two lines a seed: JSON with seed and kind before it starts, and with the outcome after. A
mutant that takes longer than LIMIT seconds ends the process with every thread's traceback.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import resource
import sys
import tempfile
import traceback
from pathlib import Path

LIMIT = 60  # seconds a mutant
MEMORY = 16 * 2**30  # bytes of address space: a mutant that asks for more fails as MemoryError
OUTPUTS = ["c.onnx", "c.pb"]


def outcome(graph: bytes, folder: Path) -> dict[str, str]:
    """error: the class, or "" for success; message: what it says; wrong: why the outcome is
    none that a user should see, or ""."""
    from dponnx import compress
    from dponnx.runtime.errors import DponnxError

    source, out = folder / "in.pb", folder / "out"
    source.write_bytes(graph)
    out.mkdir()
    error, message, wrong, expected = "", "", "", OUTPUTS
    try:
        compress(source, out / "c.pb")
    except DponnxError as e:
        error, message, expected = type(e).__name__, str(e), []
        if not message.strip() or len(message.splitlines()) != 1:
            wrong = f"not one line: {message!r}"
    except BaseException as e:
        error, message, expected = type(e).__name__, str(e), []
        wrong = traceback.format_exc()
    if sorted(os.listdir(out)) != expected and not wrong:
        wrong = f"files left: {sorted(os.listdir(out))}"
    return {"error": error, "message": message, "wrong": wrong}


def main(path: str, first: str, last: str) -> None:
    from mutants import mutant

    data = Path(path).read_bytes()
    logging.getLogger("dponnx").setLevel(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for seed in range(int(first), int(last)):
        kind, graph = mutant(data, seed)
        print(json.dumps({"seed": seed, "kind": kind}), flush=True)
        faulthandler.dump_traceback_later(LIMIT, exit=True)
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(outcome(graph, Path(folder))), flush=True)
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(*sys.argv[1:])

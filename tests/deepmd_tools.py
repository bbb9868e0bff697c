# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeePMD-kit's `dp test` and `dp model-devi` within this process: starting `dp` takes seconds."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:
            self.lines.append(record.getMessage())


@contextmanager
def _report():
    """The lines that DeePMD-kit logs at level INFO."""
    log, handler = logging.getLogger("deepmd"), _Lines()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def dp_test(model: Path, system: Path | None, **options) -> list[str]:
    """Run `dp test`; the lines of its report."""
    from deepmd.entrypoints.test import test

    defaults = dict(
        datafile=None,
        numb_test=0,
        rand_seed=None,
        shuffle_test=False,
        detail_file=None,
        atomic=False,
    )
    with _report() as lines:
        test(model=str(model), system=system and str(system), **{**defaults, **options})
    first = next(k for k, line in enumerate(lines) if line.startswith("# -----"))
    return lines[first:]


def dp_model_devi(models, system: Path, output: Path, **options) -> None:
    """Run `dp model-devi`."""
    from deepmd.infer.model_devi import make_model_devi

    defaults = dict(frequency=1, real_error=False, atomic=False, relative=None, relative_v=None)
    make_model_devi(
        models=[str(model) for model in models],
        system=str(system),
        output=str(output),
        **{**defaults, **options},
    )

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Progress of long work: bars on a terminal, one log line a finished stage everywhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as Bars

log = logging.getLogger("dponnx")
T = TypeVar("T")


class Progress:
    """What is being done, for whoever watches.

    Progress() only logs (level INFO of logger "dponnx", silent unless configured);
    Progress(console) also draws spinners and bars while console is a terminal. Used as

        with progress.stage("reading graph.pb"):
            for net in progress.track(nets, "tables"): ...
    """

    def __init__(self, console: Console | None = None) -> None:
        self._bars: Bars | None = None
        self._depth = 0
        if console is not None and console.is_terminal:
            self._bars = Bars(
                SpinnerColumn(),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=30),
                MofNCompleteColumn(),
                console=console,
                transient=True,
            )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show name while the block runs; log it with its duration when it succeeds."""
        start = time.perf_counter()
        with self._task(name, None):
            yield
        log.info("%s: %.1f s", name, time.perf_counter() - start)

    def track(self, items: Iterable[T], name: str, total: int | None = None) -> Iterator[T]:
        """Iterate over items, counting them. total: how many, where len(items) cannot tell."""
        with self._task(name, len(items) if total is None else total) as task:
            for item in items:
                yield item
                if self._bars is not None:
                    self._bars.advance(task)

    @contextmanager
    def _task(self, name: str, total: int | None) -> Iterator[int]:
        """One line of the live display, which runs while there is at least one line."""
        if self._bars is None:
            yield 0
            return
        if self._depth == 0:
            self._bars.start()
        self._depth += 1
        task = self._bars.add_task(name, total=total)
        try:
            yield task
        finally:
            self._bars.remove_task(task)
            self._depth -= 1
            if self._depth == 0:
                self._bars.stop()

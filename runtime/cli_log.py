# SPDX-License-Identifier: LGPL-3.0-or-later
"""Options and set-up of logging, the same for every verb: -v and -l as in DeePMD-kit."""

from __future__ import annotations

import argparse
import logging
from functools import cache
from typing import TYPE_CHECKING

from rich.console import Console

from .progress import Progress
from .report import print_line

if TYPE_CHECKING:
    from .mpi import Ranks

log = logging.getLogger("dponnx")
LEVELS = {
    "DEBUG": logging.DEBUG,
    "3": logging.DEBUG,
    "INFO": logging.INFO,
    "2": logging.INFO,
    "WARNING": logging.WARNING,
    "1": logging.WARNING,
    "ERROR": logging.ERROR,
    "0": logging.ERROR,
}


class ConsoleHandler(logging.Handler):
    """Log lines to stderr through rich, so that they do not tear a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        stderr().print(self.format(record), markup=False, highlight=False, soft_wrap=True)


class QuietPipeConsole(Console):
    """A console that leaves a closed pipe to main(), instead of exiting by itself."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@cache
def stderr() -> Console:
    """The console of log lines and progress."""
    return QuietPipeConsole(stderr=True)


def verb_progress() -> Progress:
    """Progress of a verb: on stderr where INFO is logged, silent elsewhere."""
    return Progress(stderr() if log.isEnabledFor(logging.INFO) else None)


@cache
def stdout() -> Console:
    """The console of results."""
    return QuietPipeConsole()


def print_result(text: str) -> None:
    """One line of a verb's result: on stdout at any level, and in the log file if there is one."""
    print_line(stdout(), text)
    to_log_file(logging.INFO, text)


def to_log_file(level: int, text: str) -> None:
    """One line in the log file only."""
    for handler in log.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.emit(log.makeRecord("dponnx", level, "", 0, text, (), None))


def add_log_options(parser: argparse.ArgumentParser) -> None:
    """-v and -l."""
    group = parser.add_argument_group("log")
    group.add_argument(
        "-v",
        "--log-level",
        choices=list(LEVELS),
        default="INFO",
        help="how much to say, by name or number: 0=ERROR, 1=WARNING, 2=INFO, 3=DEBUG "
        "(default: %(default)s)",
    )
    group.add_argument("-l", "--log-path", metavar="FILE", help="write the log to this file, too")


def setup_logging(
    level: str, path: str | None, ranks: Ranks | None = None, mpi_log: str = "master"
) -> None:
    """Send logger "dponnx" to stderr and, if given, to a file. Raises OSError for a bad path.

    ranks, mpi_log: which of several MPI ranks do so, and where to, as -m says (mpi.py).
    """
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()
    log.setLevel(LEVELS[level])
    log.propagate = False
    rank = "" if ranks is None or mpi_log == "master" else f" rank:{ranks.rank}"
    if ranks is not None and ranks.rank > 0 and mpi_log == "master":
        log.addHandler(logging.NullHandler())
        return
    console = ConsoleHandler()
    console.setFormatter(logging.Formatter(f"dponnx{rank} %(levelname)s %(message)s"))
    log.addHandler(console)
    if path is not None:
        if ranks is None:
            file = logging.FileHandler(path, mode="w", encoding="utf-8")
        else:
            file = ranks.file_handler(path, mpi_log)
        file.setFormatter(
            logging.Formatter(f"[%(asctime)s] dponnx{rank} %(levelname)s %(message)s")
        )
        log.addHandler(file)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Several ranks of mpirun, one conversion: rank 0 works, the others wait and end with its code.

How a command runs (cli.py):

1. every rank sets up its log; agree() makes all of them stop if one could not;
2. rank 0 converts; the others ask every 50 ms, without spinning, for its exit code;
3. end() hands them that code, after rank 0 has written the records they sent.

Without mpi4py, without a launcher or with one rank, ranks() is None and nothing here runs.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

# Number of ranks, as MPICH, Intel MPI and MVAPICH2, Open MPI, and Slurm tell it; PMIx tells only
# that there is one. Without a launcher mpi4py is not imported: MPI_Init costs time, and ends the
# process where MPI is half installed.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
CODE, RECORD = 1, 2  # tags: exit code of rank 0; a formatted log record, None after the last
PAUSE = 0.05  # seconds
log = logging.getLogger("dponnx")


class Ranks:
    """The processes of one mpirun."""

    def __init__(self, comm: Any) -> None:
        self._comm = comm
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()
        self._sent: list[Any] = []
        self._done: set[int] = set()
        self._collector: RankZeroFile | None = None

    def agree(self, code: int) -> int:
        """The largest exit code of any rank: whether all of them can start."""
        return max(self._comm.allgather(code))

    def end(self, code: int) -> int:
        """Rank 0: give everyone its exit code. Others: wait for that code and return it."""
        if self.rank != 0:
            log.info("waiting for rank 0")
            while not self._comm.iprobe(source=0, tag=CODE):
                time.sleep(PAUSE)
            code = self._comm.recv(source=0, tag=CODE)
            log.info("rank 0 ended with exit code %d", code)
            self.send_record(None)
            for request in self._sent:
                request.wait()
            return code
        for other in range(1, self.size):
            self._comm.send(code, dest=other, tag=CODE)
        while not self.write_received():
            time.sleep(PAUSE / 10)
        return code

    def abort(self, code: int) -> None:
        """End every rank now."""
        self._comm.Abort(code)

    def send_record(self, line: str | None) -> None:
        """Give a formatted record to rank 0, without waiting; None: there will be no more."""
        self._sent.append(self._comm.isend(line, dest=0, tag=RECORD))

    def write_received(self) -> bool:
        """Rank 0: write the records received so far, those of lower ranks first.

        Returns whether every other rank has sent its last one.
        """
        for other in range(1, self.size):
            while other not in self._done and self._has_arrived(other):
                line = self._comm.recv(source=other, tag=RECORD)
                if line is None:
                    self._done.add(other)
                elif self._collector is not None:
                    self._collector.write(line)
        return len(self._done) == self.size - 1

    def _has_arrived(self, other: int) -> bool:
        """Whether a record of this rank is there. A single look may only move it forward."""
        return any(self._comm.iprobe(source=other, tag=RECORD) for _ in range(10))

    def file_handler(self, path: str, mode: str) -> logging.Handler:
        """The handler of this rank for -l path -m mode. Raises OSError for a bad path."""
        if mode == "workers":
            return logging.FileHandler(log_of_rank(path, self.rank), mode="w", encoding="utf-8")
        if self.rank == 0:
            self._collector = RankZeroFile(self, path)
            return self._collector
        return ToRankZero(self)


class RankZeroFile(logging.FileHandler):
    """The one log file: before each record of rank 0, those of others that have arrived."""

    def __init__(self, ranks: Ranks, path: str) -> None:
        super().__init__(path, mode="w", encoding="utf-8")
        self._ranks = ranks

    def emit(self, record: logging.LogRecord) -> None:
        self._ranks.write_received()
        super().emit(record)

    def write(self, line: str) -> None:
        """A record that another rank has formatted."""
        self.stream.write(line + self.terminator)
        self.flush()


class ToRankZero(logging.Handler):
    """Records of another rank, on their way to the one log file."""

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self._ranks = ranks

    def emit(self, record: logging.LogRecord) -> None:
        self._ranks.send_record(self.format(record))


def ranks() -> Ranks | None:
    """The ranks of this mpirun if there are several and mpi4py is there, else None."""
    alone = all(os.environ.get(name, "1") == "1" for name in SIZES)
    if alone and "PMIX_RANK" not in os.environ:
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):  # RuntimeError: mpi4py finds no MPI library
        return None
    return Ranks(MPI.COMM_WORLD) if MPI.COMM_WORLD.Get_size() > 1 else None


def log_of_rank(path: str, rank: int) -> Path:
    """As DeePMD-kit: log.txt -> log_0.txt, log -> log.0."""
    file = Path(path)
    name = f"{file.stem}_{rank}{file.suffix}" if file.suffix else f"{file.name}.{rank}"
    return file.with_name(name)

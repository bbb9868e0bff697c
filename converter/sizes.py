# SPDX-License-Identifier: LGPL-3.0-or-later
"""What fits into a file: a protobuf message ends at 2 GB."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

LIMIT = 2**31 - 2**20  # bytes; the last MB for names and structure


@dataclass(frozen=True)
class SizeCheck:
    """Predicted before any table is built. rest: bytes of everything but the tables (those of
    the original file), tables: bytes of the tables, step: their spacing."""

    rest: int
    tables: int
    step: float

    @property
    def too_large(self) -> bool:
        """Whether the frozen TF file cannot be written, and ONNX needs a data file beside it."""
        return self.rest + self.tables > LIMIT

    def explain(self, output: Path, onnx: Path) -> str:
        """Why there is no frozen TF file, and what to do."""
        text = (
            f"{output} was not written: it would hold {(self.rest + self.tables) / 1e9:.2f} GB, "
            f"{self.tables / 1e9:.2f} GB of it tables; TensorFlow's format ends at "
            f"{LIMIT / 1e9:.2f} GB"
        )
        if self.rest < LIMIT:
            fits = self.step * self.tables / (LIMIT - self.rest)
            digits = 1 - math.floor(math.log10(fits))
            text += f"; a step of {math.ceil(fits * 10**digits) / 10**digits:g} would fit"
        return text + f". {onnx} was written"

# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a model's overflow check found, and what is done about it.

A model compressed with `-f N` counts, every N-th evaluation, table inputs beyond the training
data, and by how many neighbours an atom exceeds sel (docs/format.md).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np

from .errors import InputError, TableOverflowError
from .metadata import ModelInfo

log = logging.getLogger("dponnx")
POLICIES = ("ignore", "warn", "error")


@dataclass(frozen=True)
class TableOverflow:
    """One table's counts at the last check. reach: distances in angstrom below which inputs
    count as coarse (second sub-table) and as outside (both)."""

    name: str
    types: str
    reach: tuple[float, float]
    coarse: int
    outside: int


@dataclass(frozen=True)
class Overflow:
    """tables with a count above zero; sel: neighbours above sel, by type name; text: a sentence
    a finding."""

    tables: list[TableOverflow] = field(default_factory=list)
    sel: dict[str, int] = field(default_factory=dict)
    text: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tables or self.sel)

    def lines(self) -> list[str]:
        """One sentence a finding."""
        return list(self.text)


class Monitor:
    """Keeps the last check's result and applies the policy when it changes."""

    def __init__(self, info: ModelInfo, policy: str):
        if policy not in POLICIES:
            raise InputError(f"overflow is {policy!r}; expected one of {', '.join(POLICIES)}")
        self.last = Overflow()
        self._info, self._policy = info, policy

    def note(self, tables: np.ndarray, sel: np.ndarray, text: list[str], where: str) -> None:
        """tables (ntables, 2), sel (ntypes,) and a sentence a finding, of the last check. Raises
        under policy `error` when inputs lie outside both sub-tables or neighbours exceed sel."""
        found = self._named(tables, sel, text)
        if found == self.last:
            return
        self.last = found
        serious = bool(found.sel) or any(t.outside for t in found.tables)
        if not found or self._policy == "ignore":
            return
        text = f"{where}: " + "; ".join(found.lines())
        if serious and self._policy == "error":
            raise TableOverflowError(text)
        log.warning("%s", text)

    def _named(self, tables: np.ndarray, sel: np.ndarray, text: list[str]) -> Overflow:
        rows = [
            TableOverflow(t["name"], t["types"], tuple(t["reach"]), int(coarse), int(outside))
            for t, (coarse, outside) in zip(self._info.tables, tables, strict=True)
            if coarse or outside
        ]
        names = self._info.type_map or [str(t) for t in range(self._info.ntypes)]
        above = {names[t]: int(n) for t, n in enumerate(sel) if n > 0}
        return Overflow(rows, above, tuple(text))

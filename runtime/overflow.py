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
    """tables with a count above zero; sel: neighbours above sel, by type name."""

    tables: list[TableOverflow] = field(default_factory=list)
    sel: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.tables or self.sel)

    def lines(self) -> list[str]:
        """One sentence a finding."""
        result = []
        for t in self.tables:
            distance, where, count = (
                (t.reach[1], "outside the table of", t.outside)
                if t.outside
                else (t.reach[0], "in the coarse table of", t.coarse)
            )
            result.append(
                f"{count} inputs {where} {t.types} ({t.name}): closer than {distance:.3f} angstrom"
            )
        for name, above in self.sel.items():
            result.append(f"an atom has {above} neighbours of type {name} more than sel")
        return result


class Monitor:
    """Keeps the last check's result and applies the policy when it changes."""

    def __init__(self, info: ModelInfo, policy: str):
        if policy not in POLICIES:
            raise InputError(f"overflow is {policy!r}; expected one of {', '.join(POLICIES)}")
        self.last = Overflow()
        self._info, self._policy = info, policy

    def note(self, tables: np.ndarray, sel: np.ndarray, where: str) -> None:
        """tables (ntables, 2), sel (nenv, ntypes), as the model's outputs. Raises under policy
        `error` when inputs lie outside both sub-tables or neighbours exceed sel."""
        found = self._named(tables, sel)
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

    def _named(self, tables: np.ndarray, sel: np.ndarray) -> Overflow:
        rows = [
            TableOverflow(t["name"], t["types"], tuple(t["reach"]), int(coarse), int(outside))
            for t, (coarse, outside) in zip(self._info.tables, tables, strict=True)
            if coarse or outside
        ]
        above = sel.max(axis=0, initial=0)
        names = self._info.type_map or [str(t) for t in range(self._info.ntypes)]
        return Overflow(rows, {names[t]: int(n) for t, n in enumerate(above) if n > 0})

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Brings a graph frozen by DeePMD-kit 0.12 to 2.0 to what DeePMD-kit 2.1 to 3.2 read.

upgrade_detect.py says where the graph comes from; upgrade_012.py and upgrade_steps.py change it
release by release; upgrade_graph.py holds what the steps share.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.errors import ConversionError, InputError
from . import upgrade_graph, upgrade_steps
from .upgrade_012 import from_012
from .upgrade_detect import CURRENT, detect

# As `dp convert-from`.
VERSIONS = ("auto", "0.12", "1.0", "1.1", "1.2", "1.3", "2.0", "pbtxt")
STEPS = (
    ("0.12", "1.0", from_012),
    ("1.0", "1.1", upgrade_steps.from_10),
    ("1.2", "1.3", upgrade_steps.from_12),
    ("1.3", "2.0", upgrade_steps.from_13),
    ("2.0", CURRENT, upgrade_steps.from_20),
)
ORDER = ("0.12", "1.0", "1.1", "1.2", "1.3", "2.0", CURRENT)


@dataclass(frozen=True)
class Upgraded:
    """graph_def: what DeePMD-kit 3.2 reads, the very object given if it already was;
    found: the release that froze the graph, by the reasons in `why`; steps: what was done."""

    graph_def: object
    found: str
    why: str
    steps: list[str]

    @property
    def is_current(self) -> bool:
        """Whether nothing had to be done."""
        return self.found == CURRENT

    @property
    def origin(self) -> str:
        """The release and why, for messages."""
        release = "2.1 or later" if self.is_current else self.found
        return f"DeePMD-kit {release} ({self.why})"


def upgrade(graph_def, version: str = "auto", name: str = "the graph") -> Upgraded:
    """A graph of any release as one of the current release; the graph given stays as it is.

    version: one of VERSIONS; other than auto and pbtxt, the graph must agree with it.
    name: what messages call the graph. Raises InputError or UnsupportedModelError.
    """
    if version not in VERSIONS:
        raise InputError(f"version {version!r} is not known; expected one of {', '.join(VERSIONS)}")
    found = detect(graph_def, name)
    if version not in ("auto", "pbtxt", found.version, *found.same):
        actual = "2.1 or later" if found.version == CURRENT else found.version
        raise InputError(
            f"{name}: version {version} was stated, but it was frozen by DeePMD-kit {actual} "
            f"({found.why}); leave the version out"
        )
    steps: list[str] = []
    if found.version != CURRENT:
        old, graph_def = graph_def, type(graph_def)()
        graph_def.CopyFrom(old)
        for start, end, step in STEPS:
            if ORDER.index(start) >= ORDER.index(found.version):
                steps.append(f"{start} to {end}: {_run(step, graph_def, name)}")
        upgrade_graph.check(graph_def, name)
        if detect(graph_def, name).version != CURRENT:
            raise ConversionError(f"{name}: after {'; '.join(steps)} it is still not current")
    return Upgraded(graph_def, found.version, found.why, steps)


def _run(step, graph_def, name: str) -> str:
    try:
        return ", ".join(phrase for phrase in step(graph_def) if phrase) or "nothing to change"
    except InputError as e:
        raise InputError(f"{name}: {e}") from e

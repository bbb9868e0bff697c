# SPDX-License-Identifier: LGPL-3.0-or-later
"""The figure of docs/performance.md: time an atom of every model, and where ours goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from report import FORMS, Results


def bars(axes, results: Results) -> None:
    """Microseconds per atom and core at 1,536 atoms on one rank: a group of bars a model."""
    from matplotlib import ticker

    models = results.models()
    for k, form in enumerate(FORMS):
        where = {"variant": form, "atoms": 1536, "ranks": 1, "threads": 1}
        found = [results.find("dynamics", "us_atom_core", model=m, **where) for m in models]
        heights = [np.nan if h is None else h for h in found]
        label = form if k < 2 else f"dponnx, {form}"
        drawn = axes.bar(np.arange(len(models)) + 0.17 * (k - 2), heights, 0.16, label=label)
        axes.bar_label(drawn, fmt="%.0f", fontsize=6)
    axes.set_xticks(range(len(models)), models)
    axes.set(yscale="log", ylabel="µs per atom, step and core", title="LAMMPS, 1,536 atoms, 1 rank")
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.ScalarFormatter())
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.margins(y=0.3)
    axes.legend(ncols=3, fontsize=7)


def stacks(axes, results: Results) -> None:
    """Stages of each profiled model, one on the other."""
    columns = results.data["stages"]
    names = [name for name in columns[0]["us_atom"] if name != "whole run"]
    left = np.zeros(len(columns))
    for name in names:
        widths = np.array([r["us_atom"][name] for r in columns])
        axes.barh(range(len(columns)), widths, left=left, label=name)
        left += widths
    axes.set_yticks(range(len(columns)), [f"{r['model']}\n{r['variant']}" for r in columns])
    axes.invert_yaxis()
    axes.set(xlabel="µs per atom, one core", title="where the time goes")
    axes.legend(fontsize=7)


def draw(data: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(13, 4.5), layout="constrained", width_ratios=(3, 2)
    )
    results = Results(data)
    bars(left, results)
    stacks(right, results)
    figure.savefig(path, dpi=120)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""The grid of a table where no step is asked for: the widest whose error rounding hides.

A slope is a difference of rounded values divided by the step, so that below some step a table
becomes worse again: that of a smooth net at 0.01, what `dp compress` takes, as well as at 0.02 to
0.1. Wide rows are shared by more neighbours and stay in the processor's caches.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .grids import COARSER, TableOptions, choose_grid
from .nets import EmbeddingNet
from .tables import TableGrid, build_table, errors_between_knots

USUAL = 0.01  # what `dp compress` takes, and what is left where no wider step will do
STEPS = (0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.025, 0.02, 0.015)
# Error of a slope that nobody sees, of the net's largest slope.
EXACT = {np.dtype(np.float64): 1e-11, np.dtype(np.float32): 1e-5}


def slope_error(net: EmbeddingNet, grid: TableGrid) -> float:
    """Largest of the net's table, between the knots of the first sub-table."""
    return errors_between_knots(net, build_table(net, grid, net.y.dtype))[1]


def grid_of(net: EmbeddingNet, options: TableOptions) -> TableGrid:
    """The net's grid: with the options' step, or without one the widest exact. The second sub-table
    is then as coarse as USUAL makes it: beyond the training data nothing is lost either."""
    if options.step is not None:
        return choose_grid(net, options)
    usual = replace(options, step=USUAL, coarse=COARSER * USUAL)
    share, hopeful = EXACT[np.dtype(net.y.dtype)], STEPS[0]
    for step in STEPS:
        if step > hopeful:
            continue
        grid = choose_grid(net, replace(usual, step=step))
        error = slope_error(net, grid)
        bound = share * np.abs(net(grid.knots())[1]).max()
        if error <= bound:
            return grid
        if step == STEPS[0]:  # errors go down as the step's fifth power; a bit more is tried
            hopeful = 1.3 * step * (bound / error) ** 0.2
    return choose_grid(net, usual)

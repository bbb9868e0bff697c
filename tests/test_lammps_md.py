# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does dynamics with the compressed model follow the original in DeePMD-kit's pair style, and
conserve energy as well? (1,000 steps of the large model: benchmarks/lammps_nve.py.)"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import lammps_nve

pytestmark = pytest.mark.usefixtures("lammps", "ort")
# DPONNX_NVE_STEPS=1000 runs the whole.
STEPS = int(os.environ.get("DPONNX_NVE_STEPS", "50"))


@pytest.fixture(scope="module")
def measured(fixture_dir, deepmd, tmp_path_factory):
    graph = fixture_dir / "sea_small_2side" / "graph.pb"
    return lammps_nve.measure(graph, STEPS, 2, tmp_path_factory.mktemp("nve"))


def test_first_energies_and_pressures_are_the_originals(measured):
    for quantity in ("energy_at_0", "pressure_bar_at_0"):
        original, ours = measured[quantity]
        np.testing.assert_allclose(ours, original, rtol=1e-9)


def test_energy_is_conserved_as_by_the_original(measured):
    """Both start alike; beyond some hundred steps trajectories part, and drifts with them."""
    for quantity in ("slope", "spread"):
        original, ours = abs(measured["original"][quantity]), abs(measured["ours"][quantity])
        assert ours <= original * (1 + 1e-4 if STEPS <= 100 else 1.5)


def test_one_and_two_ranks_follow_one_trajectory(measured):
    assert measured["one_and_two_ranks_apart_after_50_steps"] < 1e-8

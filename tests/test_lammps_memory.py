# SPDX-License-Identifier: LGPL-3.0-or-later
"""How much memory does an atom take beyond the engine's own, and is the rest bounded?

Peak memory of LAMMPS at growing sizes, with our pair style and with `pair_style zero`, which keeps
the same full neighbour lists and computes nothing: the difference of the slopes is ours.
"""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import compress
from lammps_runs import peak

pytestmark = pytest.mark.usefixtures("lammps", "ort")

SIZES = {"2 2 2": 1536, "4 4 4": 12288, "8 8 8": 98304}
BYTES_AN_ATOM = 4096
SCRIPT = """
units metal
boundary p p p
read_data {data}
replicate {times}
mass * 1.0
pair_style {style}
pair_coeff {coeff}
neighbor 2.0 bin
thermo_modify norm no
run 1
"""


@pytest.fixture(scope="module")
def peaks(shared, tmp_path_factory) -> dict[str, list[int]]:
    """Peak memory at each size, ours and the engine's own."""
    folder = tmp_path_factory.mktemp("memory")
    compress(shared / "models" / "sea" / "graph.pb", folder / "sea.pb")
    styles = {"ours": ("dponnx sea.onnx", "* * O H"), "engine": ("zero 6.0 full", "* *")}
    data = shared / "data" / "water.lmp"
    return {
        who: [
            peak(folder, SCRIPT.format(data=data, times=times, style=style, coeff=coeff))
            for times in SIZES
        ]
        for who, (style, coeff) in styles.items()
    }


def test_bytes_an_atom(peaks):
    ours, engine = (np.diff(peaks[k]) / np.diff(list(SIZES.values())) for k in ("ours", "engine"))
    print(f"bytes an atom: {ours} with ours, {engine} of the engine's own")
    assert engine.min() > 500, "the engine should list neighbours, too"
    assert (ours - engine).max() < BYTES_AN_ATOM


def test_what_does_not_grow_is_bounded(peaks):
    """Libraries, the model (28 MB, laid out again by the kernels), a block within its budget."""
    assert peaks["ours"][0] - peaks["engine"][0] < 600e6

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Old graphs, compressed and converted as they are: the genuine old evaluation comes out."""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import convert_to_bytes
from tolerances import parity

OLD = (
    "sea_012",
    "deeppot_v13_2021",
    "water_se_a_v12",
    "water_se_a_v13",
    "water_se_r_v12",
    "water_se_r_v13",
)


@pytest.mark.parametrize("name", OLD)
def test_compress_and_convert_take_old_graphs_directly(name, shared, deepmd, tmp_path):
    graph = shared / "legacy" / f"{name}.pb"
    with np.load(shared / "legacy" / f"{name}.ref.npz") as values:
        coord, atype, force, virial = (values[k] for k in ("coord", "atype", "force", "virial"))
        box = values.get("box")
    # 0.885 angstrom: min_nbor_dist of the water data these were trained on
    report = compress(graph, tmp_path / "c.pb", min_nbor_dist=0.885)
    assert report.not_fused == []
    models = {
        "onnx": DeepPot(report.onnx),
        "convert": DeepPot.from_bytes(convert_to_bytes(graph)),
        "pb": deepmd.DeepPot(str(report.output)),
    }
    for output, model in models.items():
        _, f, v = model.eval(coord, box, atype)
        np.testing.assert_allclose(
            f, force.reshape(f.shape), **parity("float64", "force"), err_msg=output
        )
        np.testing.assert_allclose(
            v, virial.reshape(v.shape), **parity("float64", "virial"), err_msg=output
        )

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Old graphs, compressed and converted as they are: the genuine old evaluation comes out."""

from __future__ import annotations

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import convert_to_bytes
from old_graphs import RELEASES
from tolerances import parity

QUANTITIES = ("energy", "force", "virial", "atom_energy", "atom_virial")


@pytest.mark.parametrize("name", RELEASES)
def test_compress_and_convert_take_old_graphs_directly(name, shared, deepmd, tmp_path):
    """Against the old release's own evaluation where there is one, and that of the graph
    converted by DeePMD-kit 3.2."""
    legacy = shared / "legacy"
    graph = legacy / f"{name}.pb"
    found = [legacy / f"{name}.{by}.npz" for by in ("old", "ref")]
    references = [dict(np.load(path)) for path in found if path.exists()]
    assert len(references) == (1 if name == "sea_012" else 2)
    # 0.885 angstrom: min_nbor_dist of the water data these were trained on
    report = compress(graph, tmp_path / "c.pb", min_nbor_dist=0.885)
    assert report.not_fused == []
    models = {
        "onnx": DeepPot(report.onnx),
        "convert": DeepPot.from_bytes(convert_to_bytes(graph)),
        "pb": deepmd.DeepPot(str(report.output)),
    }
    for reference in references:
        system = reference["coord"], reference["box"], reference["atype"]
        for output, model in models.items():
            results = model.eval(*system, atomic=True)
            for quantity, ours in zip(QUANTITIES, results, strict=True):
                expected, close = reference[quantity], parity("float64", quantity)
                note = f"{quantity}, {output}"
                np.testing.assert_allclose(
                    ours, expected.reshape(ours.shape), **close, err_msg=note
                )


def test_every_legacy_file_is_here(shared):
    assert {p.stem for p in (shared / "legacy").glob("*.pb")} == {*RELEASES}

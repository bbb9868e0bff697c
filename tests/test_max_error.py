# SPDX-License-Identifier: LGPL-3.0-or-later
"""--max-error: the prediction holds, the step is the largest that does, the proof is real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.converter import accuracy, frozen_graph
from dponnx.converter.assemble import onnx_bytes
from dponnx.converter.grids import TableOptions
from dponnx.runtime.errors import InputError


@pytest.fixture(scope="module")
def case(fixture_dir):
    """(model, options, predictor, reference values) of the fixture."""
    model = frozen_graph.read(fixture_dir / "sea_small_2side" / "graph.pb")
    options = TableOptions(0.01, 5.0, -1, model.min_nbor_dist)
    frames = accuracy.made_up_frames(model, options.min_nbor_dist)
    with np.load(fixture_dir / "sea_small_2side" / "reference.npz") as values:
        return model, options, accuracy.predictor(model, options, frames), dict(values)


@pytest.mark.parametrize("step", [0.4, 0.2, 0.1])
def test_prediction_is_within_a_factor_of_ten_of_the_measured_error(case, step):
    model, options, at, values = case
    found = DeepPot.from_bytes(onnx_bytes(model, replace(options, step=step)))
    force = found.eval(values["bulk_coord"], values["bulk_box"], values["bulk_atype"])[1]
    measured = np.abs(force - values["bulk_orig_force"]).max()
    assert measured / 10 < at(step).force < measured * 10


def test_predicted_error_falls_with_the_fifth_power(case):
    at = case[2]
    order = np.log2(at(0.2).force / at(0.1).force)
    assert 4.0 < order < 6.5


def test_the_chosen_step_is_the_largest_that_holds(case):
    at = case[2]
    for max_error in (1e-9, 1e-11, 1e-12):
        chosen, measured = accuracy.choose_step(at, max_error)
        assert chosen.force < max_error and measured is None
        larger = [s for s in accuracy.STEPS if s > chosen.step]
        assert all(at(s).force >= max_error for s in larger)


def test_a_refuted_step_is_passed_over(case):
    chosen, measured = accuracy.choose_step(case[2], 1e-6, lambda step: 1e-7 * step / 0.005)
    assert measured < 1e-6 and chosen.step < 0.1


def test_what_cannot_be_reached_is_an_error(case):
    with pytest.raises(InputError, match="cannot be reached"):
        accuracy.choose_step(case[2], 1e-14)


def test_compress_takes_it(fixture_dir, tmp_path):
    graph = fixture_dir / "sea_small_2side" / "graph.pb"
    system = fixture_dir / "water"
    report = compress(graph, tmp_path / "c.pb", max_error=1e-6, system=system)
    assert report.nets[0].fine > 0.05
    coord, box = (np.load(system / "set.000" / f"{k}.npy")[:2] for k in ("coord", "box"))
    atype = np.loadtxt(system / "type.raw", dtype=int)
    ours = DeepPot(report.onnx).eval(coord, box, atype)[1]
    original = DeepPot.from_bytes(onnx_bytes(frozen_graph.read(graph), None))
    error = np.abs(ours - original.eval(coord, box, atype)[1]).max()
    assert 0 < error < 1e-6

# SPDX-License-Identifier: LGPL-3.0-or-later
"""The overflow check from end to end: -f N, warnings that name types and distance, policies."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from dponnx import DeepPot, compress
from dponnx.runtime.errors import InputError, TableOverflowError
from dponnx.runtime.library import Handle


@pytest.fixture(scope="module")
def checked(fixture_dir, tmp_path_factory):
    """The fixture (O H, rcut 4.5, sel 20 40) checked at every second evaluation."""
    out = tmp_path_factory.mktemp("overflow") / "c.pb"
    return compress(fixture_dir / "sea_small_2side" / "graph.pb", out, frequency=2).onnx


def pair(distance: float) -> tuple[np.ndarray, None, np.ndarray]:
    """O and H at this distance (angstrom), nothing around."""
    return np.array([[[0, 0, 0], [distance, 0, 0]]]), None, np.array([0, 1])


def test_nothing_to_report_in_training_range(checked):
    model = DeepPot(checked)
    model.eval(*pair(1.0))
    assert not model.overflow()


@pytest.mark.parametrize(("distance", "coarse", "outside"), [(0.45, 1, 0), (0.1, 0, 1)])
def test_counts_types_and_distance(checked, caplog, distance, coarse, outside):
    model = DeepPot(checked)
    with caplog.at_level(logging.WARNING, logger="dponnx"):
        model.eval(*pair(distance))
    found = {t.types: t for t in model.overflow().tables}
    assert set(found) == {"O-H", "H-O"}
    for t in found.values():
        assert (t.coarse, t.outside) == (coarse, outside)
        assert t.reach[1] < 0.45 < t.reach[0] < 0.9
    assert "O-H" in caplog.text and "angstrom" in caplog.text


def test_every_second_evaluation_is_checked(checked):
    model = DeepPot(checked)
    for distance, expected in (
        (1.0, False),
        (0.45, False),
        (0.45, True),
        (1.0, True),
        (1.0, False),
    ):
        model.eval(*pair(distance))
        assert bool(model.overflow()) == expected


def test_only_a_model_that_checks_is_asked(checked, two_models, monkeypatch):
    asked, original = [], Handle.overflow
    monkeypatch.setattr(Handle, "overflow", lambda self, *a: asked.append(a) or original(self, *a))
    DeepPot(two_models.onnx[0]).eval(*pair(1.0))
    assert not asked
    DeepPot(checked).eval(*pair(1.0))
    assert len(asked) == 1


def test_more_neighbours_than_sel(checked, caplog):
    model = DeepPot(checked)
    rng = np.random.default_rng(0)
    coord = rng.uniform(0, 4.0, (1, 60, 3))
    with caplog.at_level(logging.WARNING, logger="dponnx"):
        model.eval(coord, None, np.zeros(60, dtype=int))
    assert model.overflow().sel["O"] > 0 and "H" not in model.overflow().sel
    assert "more than sel" in caplog.text


def test_policy_error(checked):
    model = DeepPot(checked, overflow="error")
    with pytest.raises(TableOverflowError, match="O-H"):
        model.eval(*pair(0.1))


def test_policy_ignore(checked, caplog):
    model = DeepPot(checked, overflow="ignore")
    with caplog.at_level(logging.WARNING, logger="dponnx"):
        model.eval(*pair(0.1))
    assert model.overflow() and not caplog.records


def test_unknown_policy(checked):
    with pytest.raises(InputError, match="ignore, warn, error"):
        DeepPot(checked, overflow="panic")


def test_without_a_check_there_is_no_output(fixture_dir, tmp_path):
    report = compress(fixture_dir / "sea_small_2side" / "graph.pb", tmp_path / "c.pb")
    model = DeepPot(report.onnx)
    model.eval(*pair(0.1))
    assert not model.overflow()
    assert b"table_overflow" not in report.onnx.read_bytes()

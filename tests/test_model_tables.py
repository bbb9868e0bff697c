# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables of trained nets: the promised accuracy over the whole first sub-table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from dponnx.converter import exact_grid, frozen_graph, nets, surgeon, to_onnx
from dponnx.converter.grids import TableOptions, choose_grid
from dponnx.converter.tables import build_table


def nets_of(path):
    """(nets, options) of a model."""
    model = frozen_graph.read(path)
    graph = to_onnx.forward_graph(model)
    surgeon.prepare(graph, model)
    return nets.find(graph), TableOptions(0.01, 5.0, -1, model.min_nbor_dist)


@pytest.fixture(scope="module", params=["fixture", "sea"])
def embedding_nets(request, fixture_dir):
    """(nets, options) of one model."""
    if request.param == "fixture":
        return nets_of(fixture_dir / "sea_small_2side" / "graph.pb")
    return nets_of(request.getfixturevalue("shared") / "models" / "sea" / "graph.pb")


def test_value_within_1e_12_and_slope_within_1e_10_between_knots(embedding_nets):
    found, options = embedding_nets
    assert len(found) in (2, 4)
    for net in found:
        table = build_table(net, choose_grid(net, options))
        grid = table.grid
        at = np.random.default_rng(0).uniform(grid.lower, grid.upper, 20000)
        value, slope, _ = net(at)
        table_value, table_slope = table.evaluate(at)
        np.testing.assert_allclose(table_value, value, rtol=0, atol=1e-12)
        np.testing.assert_allclose(table_slope, slope, rtol=0, atol=1e-10)


def slope_error(net, grid):
    """Largest, of the largest slope, at random points of the first sub-table."""
    at = np.random.default_rng(1).uniform(grid.lower, grid.upper, 20000)
    slope = net(at)[1]
    found = build_table(net, grid, net.y.dtype).evaluate(at.astype(net.y.dtype))[1]
    return np.abs(found - slope).max() / np.abs(slope).max()


def test_without_a_step_the_widest_whose_slopes_are_exact(embedding_nets):
    found, options = embedding_nets
    for net in found:
        grid = exact_grid.grid_of(net, replace(options, step=None))
        wider = min(s for s in exact_grid.STEPS if s > 1.01 * grid.fine)
        assert slope_error(net, grid) < 1.5e-11
        assert slope_error(net, choose_grid(net, replace(options, step=wider))) > 1e-11
        usual = choose_grid(net, options)
        assert grid.fine > 1.9 * usual.fine and grid.coarse == usual.coarse
        assert (grid.lower, grid.upper, grid.maximum) == (usual.lower, usual.upper, usual.maximum)


def test_a_net_with_kinks_gets_the_usual_step(shared):
    found, options = nets_of(shared / "models" / "sea_relu" / "graph.pb")
    for net in found:
        assert exact_grid.grid_of(net, replace(options, step=None)) == choose_grid(net, options)


class Constant(nets.EmbeddingNet):
    def __call__(self, at):
        nothing = np.zeros((len(at), self.width))
        return nothing + 0.3, nothing, nothing


def test_a_net_without_slope_gets_the_widest(embedding_nets):
    found, options = embedding_nets
    grid = exact_grid.grid_of(Constant(**vars(found[0])), replace(options, step=None))
    assert grid.fine == pytest.approx(0.1)


def test_float32_rounds_narrow_steps_worse(shared):
    found, options = nets_of(shared / "models" / "sea_f32" / "graph.pb")
    for net in found:
        grid = exact_grid.grid_of(net, replace(options, step=None))
        assert slope_error(net, grid) < min(2e-5, slope_error(net, choose_grid(net, options)))


def test_taylor_arithmetic_gives_the_derivatives(embedding_nets):
    """Slope and curvature against central differences of the value."""
    net = embedding_nets[0][0]
    at, h = np.linspace(-0.9, 5.0, 200), 1e-4
    low, (_, slope, curvature), high = net(at - h), net(at), net(at + h)
    np.testing.assert_allclose(slope, (high[0] - low[0]) / (2 * h), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(curvature, (high[1] - low[1]) / (2 * h), rtol=1e-5, atol=1e-5)


def test_range_covers_padding_and_the_shortest_distance(embedding_nets):
    found, options = embedding_nets
    for net in found:
        grid = choose_grid(net, options)
        avg, std = (np.asarray(t.values)[:, 0] for t in net.env_mat.inputs[4:6])
        centers = slice(None) if net.center is None else [net.center]
        assert grid.lower <= (-avg / std)[centers].min()
        assert grid.upper > 0 and grid.maximum == 5 * grid.upper

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do CUDA's kernels give the same bits in whatever order threads and blocks run?

The emulation runs them forwards and backwards: what differs is a race, or a sum in the order of
threads. On a GPU the same call is made several times.
"""

from __future__ import annotations

import numpy as np
import pytest
from conftest import CUDA_PATHS
from descriptor_calls import fused, make_case
from kernel_calls import (
    BOTH_SIDES,
    GRID,
    env_mat,
    force,
    make_em,
    make_frame,
    make_gates,
    make_scatter,
    make_table,
    tabulate,
    virial,
)
from kernel_worker import Worker
from one_node import one_node


@pytest.fixture(scope="module", params=CUDA_PATHS)
def orders(request, operators):
    """Workers whose results must be the same."""
    backwards = {"DPONNX_EMULATED_ORDER": "reverse"}
    workers = [Worker(request.param), Worker(request.param, backwards)]
    yield [*workers, workers[0]]
    for worker in workers:
        worker.close()


def assert_same(results):
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("sel", [(20, 30), (6, 5)], ids=["room", "overflow"])
@pytest.mark.parametrize("kind", ["A", "R", "T"])
def test_descriptors(orders, dtype, kind, sel):
    grid = BOTH_SIDES if kind == "T" else GRID
    case = make_case(kind, sel, [make_table(41, 0, grid)], dtype, nloc=20)
    case.dstd[:] *= 0.5  # some inputs leave the table
    dy = np.random.default_rng(2).normal(size=case.shape)
    assert_same([fused(worker, case, overflow=1) for worker in orders])
    assert_same([fused(worker, case, dy) for worker in orders])


def test_forces_beyond_the_fixed_point(orders):
    """Huge terms that cancel, and one that does not fit: NaN there, and nowhere else."""
    case = make_case("A", (20, 30), [make_table(5, 0, GRID)], np.float64, nloc=20)
    dy = 1e7 * np.random.default_rng(2).normal(size=case.shape)
    assert_same([fused(worker, case, dy) for worker in orders])
    dy[3] *= 1e30
    forces = [fused(worker, case, dy)[0] for worker in orders]
    assert_same([[force] for force in forces])
    lost = np.isnan(forces[0]).any(axis=1)
    near = np.zeros(len(case.coord), bool)
    near[[3, *case.nlist[3][case.nlist[3] >= 0]]] = True
    assert lost[3] and not lost[~near].any()


def call(worker, op, inputs, outputs, constants=None, order=None, **attributes):
    model = one_node(op, inputs, outputs, constants, order=order, **attributes)
    return worker.run(model, inputs)


def test_contraction(orders, dtype):
    t = np.random.default_rng(0).normal(size=(20, 4, 130)).astype(dtype)
    d = [call(worker, "ContractSeA", {"t": t}, ["d"], axis=9) for worker in orders]
    assert_same(d)
    inputs = {"t": t, "dy": d[0][0]}
    assert_same([call(worker, "ContractSeAGrad", inputs, ["dt"], axis=9) for worker in orders])


def test_layers(orders, dtype):
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(40, 33)).astype(dtype), rng.normal(size=21).astype(dtype)
    w = {"w": rng.normal(size=(33, 21)).astype(dtype)}
    order = ["x", "w", "bias"]
    forward = [
        call(
            worker,
            "FittingLayer",
            {"x": x, "bias": bias},
            ["y", "slope"],
            w,
            order,
            activation="tanh",
        )
        for worker in orders
    ]
    assert_same(forward)
    y, slope = forward[0]
    inputs, order = {"slope": slope, "dy": y}, ["slope", "dy", "w"]
    assert_same([call(worker, "FittingLayerGrad", inputs, ["dx"], w, order) for worker in orders])


@pytest.mark.parametrize("kind", ["A", "R"])
def test_environment_and_forces(orders, dtype, kind):
    columns = 4 if kind == "A" else 1
    frame = make_frame(dtype, sel=(6, 5), columns=columns)
    assert_same([env_mat(worker, frame, (6, 5), kind=kind, count=True) for worker in orders])
    derivs, rij, nlist, natoms = make_scatter(dtype, 40, 60, 45, columns=columns)
    assert_same([[force(worker, *derivs, nlist, natoms, kind=kind)] for worker in orders])
    assert_same([virial(worker, derivs, rij, nlist, natoms, kind=kind) for worker in orders])


@pytest.mark.parametrize("kind", ["A", "R", "T", "Atten"])
def test_tables(orders, dtype, kind):
    table = make_table(41, grid=BOTH_SIDES)
    shape = (7, 9) if kind == "T" else 45
    em_x, em = make_em(dtype, 9, shape, -7.0, 7.0, kind=kind if kind in "RT" else "A")
    more = {"kind": kind} | ({"gates": make_gates(em, 41)} if kind == "Atten" else {})
    values = [tabulate(worker, table, em_x, em, **more) for worker in orders]
    assert_same([[value] for value in values])
    assert_same([tabulate(worker, table, em_x, em, values[0], **more) for worker in orders])

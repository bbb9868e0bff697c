# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does every wrong input end in a message that names operator, input, found and expected?"""

from __future__ import annotations

import re

import numpy as np
import pytest
from kernel_calls import (
    env_mat,
    force,
    make_em,
    make_frame,
    make_scatter,
    make_table,
    tabulate,
    virial,
)
from kernel_worker import Worker, WorkerError
from one_node import one_node

SEL = (20, 30)
DY = {"A": (2, 4, 8), "R": (2, 3, 8), "T": (2, 8)}


@pytest.fixture(scope="module")
def any_path(operators):
    """The path dponnx chooses here: messages do not depend on it."""
    worker = Worker(None)
    yield worker
    worker.close()


def refuses(message):
    return pytest.raises(WorkerError, match=re.escape(message))


@pytest.mark.parametrize(
    "where, value, message",
    [
        (2, 60, "ProdEnvMatA: nlist[3,7] = 60, expected -1 or 0..nall-1 = 59"),
        (2, -2, "ProdEnvMatA: nlist[3,7] = -2, expected -1 or 0..nall-1 = 59"),
    ],
)
def test_env_mat_refuses_indices(any_path, where, value, message):
    frame = make_frame(np.float64)
    frame[where][3, 7] = value
    with refuses(message):
        env_mat(any_path, frame, SEL)


def test_env_mat_refuses_types(any_path):
    frame = make_frame(np.float64)
    frame[1][4] = 2
    with refuses("ProdEnvMatA: atype[4] = 2, expected at most ntypes-1 = 1"):
        env_mat(any_path, frame, SEL)


@pytest.mark.parametrize(
    "where, cut, message",
    [
        (0, np.s_[:, :2], "coord has shape [60, 2]; expected [60, 3]"),
        (1, np.s_[:-1], "atype has shape [59]; expected [60]"),
        (3, np.s_[:, :-4], "davg has shape [2, 196]; expected [2, 200]"),
        (4, np.s_[:1], "dstd has shape [1, 200]; expected [2, 200]"),
    ],
)
def test_env_mat_refuses_shapes(any_path, where, cut, message):
    frame = list(make_frame(np.float64))
    frame[where] = frame[where][cut]
    with refuses(f"ProdEnvMatA: {message}"):
        env_mat(any_path, frame, SEL)


def test_env_mat_refuses_attributes(any_path):
    with refuses("ProdEnvMatA: sel_a holds -1"):
        env_mat(any_path, make_frame(np.float64), (51, -1))


def test_env_mat_r_refuses_the_same(any_path):
    frame = make_frame(np.float64, columns=1)
    bad = frame[2].copy()
    bad[3, 7] = 60
    with refuses("ProdEnvMatR: nlist[3,7] = 60, expected -1 or 0..nall-1 = 59"):
        env_mat(any_path, (*frame[:2], bad, *frame[3:]), SEL, kind="R")
    with refuses("ProdEnvMatR: davg has shape [2, 200]; expected [2, 50]"):
        env_mat(any_path, make_frame(np.float64), SEL, kind="R")
    with refuses("ProdEnvMatR: sel holds -1; expected >= 0"):
        env_mat(any_path, frame, (51, -1), kind="R")
    with refuses("ProdEnvMatR: rcut_smth = 4, rcut = 4; expected 0 <= rcut_smth < rcut"):
        env_mat(any_path, frame, SEL, cut=(4.0, 4.0), kind="R")


def test_force_and_virial_refuse_indices_and_shapes(any_path):
    (net, deriv), rij, nlist, natoms = make_scatter(np.float64, 20, 30, 6)
    bad = nlist.copy()
    bad[3, 5] = 912
    message = "nlist[3,5] = 912, expected -1 or 0..nall-1 = 29"
    with refuses(f"ProdForceSeA: {message}"):
        force(any_path, net, deriv, bad, natoms)
    with refuses(f"ProdVirialSeA: {message}"):
        virial(any_path, (net, deriv), rij, bad, natoms)
    with refuses("ProdForceSeA: net_deriv has shape [20, 23]; expected [20, 24]"):
        force(any_path, net[:, :-1], deriv, nlist, natoms)
    with refuses("ProdVirialSeA: rij has shape [20, 17]; expected [20, 18]"):
        virial(any_path, (net, deriv), rij[:, :-1], nlist, natoms)
    with refuses("ProdForceSeA: natoms = 20, 10, ...; expected 0 <= nloc <= nall"):
        force(any_path, net, deriv, nlist, [20, 10, 20])
    with refuses("ProdForceSeA: natoms has shape [1]; expected [2 + ntypes]"):
        force(any_path, net, deriv, nlist, [20])


def test_force_and_virial_r_refuse_indices_and_shapes(any_path):
    (net, deriv), rij, nlist, natoms = make_scatter(np.float64, 20, 30, 6, columns=1)
    bad = nlist.copy()
    bad[3, 5] = 912
    message = "nlist[3,5] = 912, expected -1 or 0..nall-1 = 29"
    with refuses(f"ProdForceSeR: {message}"):
        force(any_path, net, deriv, bad, natoms, kind="R")
    with refuses(f"ProdVirialSeR: {message}"):
        virial(any_path, (net, deriv), rij, bad, natoms, kind="R")
    with refuses("ProdForceSeR: net_deriv has shape [20, 6]; expected [20, 5]"):
        force(any_path, net, deriv, nlist[:, 1:], natoms, kind="R")
    with refuses("ProdForceSeR: in_deriv has shape [20, 17]; expected [20, 18]"):
        force(any_path, net, deriv[:, 1:], nlist, natoms, kind="R")
    with refuses("ProdVirialSeR: rij has shape [20, 17]; expected [20, 18]"):
        virial(any_path, (net, deriv), rij[:, :-1], nlist, natoms, kind="R")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"last_layer_size": 7}, "table has shape [28, 48]; expected [28, 42]"),
        ({"n_fine": 23}, "table has shape [28, 48]; expected [27, 48]"),
        ({"n_coarse": -1}, "n_coarse = -1; expected 0"),
        ({"n_fine": 0}, "n_fine = 0; expected 1"),
        ({"n_left": 2}, "table has shape [28, 48]; expected [30, 48]"),
        ({"n_left": -2}, "n_left = -2; expected 0"),
    ],
)
@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("kind", ["A", "R", "T"])
def test_tabulate_refuses_attributes(any_path, kind, gradient, changes, message):
    em_x, em = make_em(np.float64, 2, (3, 1) if kind == "T" else 3, kind=kind)
    dy = np.ones(DY[kind]) if gradient else None
    with refuses(f"TabulateFusionSe{kind}{'Grad' * gradient}: {message}"):
        tabulate(any_path, make_table(8), em_x, em, dy, kind=kind, **changes)


def test_tabulate_refuses_shapes(any_path):
    em_x, em = make_em(np.float64, 2, 3)
    table = make_table(8)
    with refuses("TabulateFusionSeA: em_x has shape [5, 1]; expected [6, 1]"):
        tabulate(any_path, table, em_x[:-1], em)
    with refuses("TabulateFusionSeA: em has shape [2, 3, 3]; expected [?, ?, 4]"):
        tabulate(any_path, table, em_x, em[:, :, :3])
    with refuses("TabulateFusionSeAGrad: dy has shape [2, 4, 7]; expected [2, 4, 8]"):
        tabulate(any_path, table, em_x, em, np.ones((2, 4, 7)))


def test_tabulate_r_and_t_refuse_shapes(any_path):
    table = make_table(8)
    em_x, em = make_em(np.float64, 2, (3, 1), kind="T")
    with refuses("TabulateFusionSeT: em_x has shape [5, 1]; expected [6, 1]"):
        tabulate(any_path, table, em_x[:-1], em, kind="T")
    with refuses("TabulateFusionSeT: em has shape [2, 3]; expected [?, ?, ?]"):
        tabulate(any_path, table, em_x, em[:, :, 0], kind="T")
    with refuses("TabulateFusionSeTGrad: dy has shape [2, 7]; expected [2, 8]"):
        tabulate(any_path, table, em_x, em, np.ones((2, 7)), kind="T")
    with refuses("TabulateFusionSeR: em has shape [2, 3, 1]; expected [?, ?]"):
        tabulate(any_path, table, None, em, kind="R")
    with refuses("TabulateFusionSeRGrad: dy has shape [2, 8]; expected [2, 3, 8]"):
        tabulate(any_path, table, None, em[:, :, 0], np.ones((2, 8)), kind="R")


def test_table_must_be_an_initializer(any_path):
    em_x, em = make_em(np.float64, 2, 3)
    table = make_table(8)
    inputs = {"table": table.coef, "table_info": np.zeros(6)}
    inputs |= {"em_x": em_x.reshape(-1, 1), "em": em}
    sizes = {"last_layer_size": 8, "n_fine": 24, "n_coarse": 4}
    with refuses("TabulateFusionSeA: table_info is computed; expected an initializer"):
        any_path.run(one_node("TabulateFusionSeA", inputs, ["d"], **sizes), inputs)


def test_mixed_precision_is_refused(any_path):
    (net, deriv), _, nlist, natoms = make_scatter(np.float64, 20, 30, 6)
    with refuses("ProdForceSeA"):
        force(any_path, net, deriv.astype(np.float32), nlist, natoms)
    with refuses("ProdForceSeA"):
        force(any_path, net.astype(np.float16), deriv.astype(np.float16), nlist, natoms)


def test_unknown_path_is_refused(operators):
    worker = Worker("sse9")
    try:
        with refuses("DPONNX_ISA=sse9: expected one of avx512, avx2, avx512_emulated, scalar"):
            env_mat(worker, make_frame(np.float64), SEL)
    finally:
        worker.close()

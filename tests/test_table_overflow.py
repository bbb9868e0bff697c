# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does every N-th evaluation count what the tables were not made for, and no other?"""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from kernel_calls import BOTH_SIDES, GRID, grid_of, make_em, make_table, table_of
from one_node import one_node


def counting(kind, table, inputs, frequency):
    """A forward operator with its second output."""
    dtype = inputs["em"].dtype
    return one_node(
        f"TabulateFusionSe{kind}", inputs, ["descriptor", "overflow"],
        out_types={"overflow": np.int64}, **table_of(table, dtype, frequency), **grid_of(table),
    )  # fmt: skip


def inputs_of(kind, x):
    """All x as the inputs of one atom."""
    x = np.asarray(x)
    em = {"A": np.ones((1, x.size, 4), x.dtype), "R": x[None], "T": x.reshape(1, 1, -1)}[kind]
    return {"em": em} if kind == "R" else {"em_x": x.reshape(-1, 1), "em": em}


@pytest.mark.parametrize("kind, grid", [("A", GRID), ("R", GRID), ("T", BOTH_SIDES)])
def test_counts_are_those_of_the_oracle(worker, dtype, kind, grid):
    x = make_em(dtype, 1, 40000, -9.0, 9.0)[0]
    x[:7] = grid.minimum, grid.lower, grid.upper, grid.maximum, np.nan, np.inf, -np.inf
    inputs = inputs_of(kind, x)
    model = counting(kind, make_table(3, grid=grid), inputs, 1)
    one, two = (worker.run(model, inputs, threads)[1] for threads in (1, 2))
    assert one.dtype == np.int64 and one.min() > 1000
    np.testing.assert_array_equal(one, oracle.overflow(grid, x))
    np.testing.assert_array_equal(two, one)


def test_padding_is_inside(worker, dtype):
    """(0 - avg)/std lies at lower, give or take the last digits."""
    x = np.full(9, GRID.lower, dtype)
    x[:3], x[3:6] = np.nextafter(x[:3], dtype(-9)), np.nextafter(x[3:6], dtype(9))
    inputs = inputs_of("A", x)
    assert worker.run(counting("A", make_table(3), inputs, 1), inputs)[1].tolist() == [0, 0]


@pytest.mark.parametrize(
    "frequency, expected",
    [
        (1, [[1, 2], [0, 0], [1, 2], [0, 0], [1, 2], [0, 0]]),
        (3, [[1, 2], [1, 2], [1, 2], [0, 0], [0, 0], [0, 0]]),
        (100, [[1, 2]] * 6),
        (-1, [[0, 0]] * 6),
        (0, [[0, 0]] * 6),
    ],
)
def test_every_so_many_evaluations(operators, ort, dtype, frequency, expected):
    """Evaluations 0, N, 2 N, ... check; those between repeat the last counts."""
    pytest.importorskip("onnx", reason="onnx is not installed (extra 'convert')")
    frames = [inputs_of("A", np.array(x, dtype)) for x in ([3.5, 7.0, -2.0, 1.0], [0.5] * 4)]
    options = ort.SessionOptions()
    options.register_custom_ops_library(str(operators))
    model = counting("A", make_table(3), frames[0], frequency)
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found = [session.run(["overflow"], frames[k % 2])[0].tolist() for k in range(6)]
    assert found == expected

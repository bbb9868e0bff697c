# SPDX-License-Identifier: LGPL-3.0-or-later
"""Nets of one scalar with all derivatives known, and descriptors that need tables for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs
from dponnx.converter.grids import TableOptions, choose_grid
from dponnx.converter.nets import EmbeddingNet
from dponnx.converter.tables import TableGrid
from numpy.polynomial import Polynomial

KINDS = "ART"  # se_e2_a, se_e2_r, se_e3


@dataclass(frozen=True)
class Waves:
    """f_o(x) = sum_k a_ko tanh(w_k (x - c_k)). a (units, width); w, c (units,)."""

    a: np.ndarray
    w: np.ndarray
    c: np.ndarray

    def derivative(self, x: np.ndarray, n: int) -> np.ndarray:
        """The n-th, (len(x), width): with t = tanh(u), dp(t)/du = p'(t) (1 - t^2)."""
        p = Polynomial([0, 1])
        for _ in range(n):
            p = p.deriv() * Polynomial([1, 0, -1])
        t = np.tanh(self.w * (np.asarray(x, float)[:, None] - self.c))
        return (p(t) * self.w**n) @ self.a

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return tuple(self.derivative(x, n) for n in range(3))


def random_waves(grid: TableGrid, rng: np.random.Generator, width: int = 3) -> Waves:
    """Eight of them, half where the fine rows lie; no feature is narrower than 1."""
    c = np.append(
        rng.uniform(grid.lower, grid.upper, 4), rng.uniform(grid.minimum, grid.maximum, 4)
    )
    return Waves(rng.normal(size=(8, width)), rng.uniform(0.3, 1.0, 8), c)


def random_grid(
    kind: str, rng: np.random.Generator, options: TableOptions, dtype=np.float64
) -> TableGrid:
    """What choose_grid gives for a random descriptor of that kind with one type."""
    sel, columns = 3, 1 if kind == "R" else 4
    davg, dstd = np.zeros((1, sel * columns)), np.zeros((1, sel * columns))
    davg[:, ::columns] = rng.uniform(0.02, 0.1)
    dstd[:] = rng.uniform(0.1, 0.2)
    if columns == 4:
        dstd.reshape(sel, 4)[:, 1:] = rng.uniform(0.1, 0.2)
    cut = rng.uniform(0.5, 1.0), rng.uniform(4.0, 6.0)
    if kind == "R":
        attrs = {"rcut_smth": cut[0], "rcut": cut[1], "sel": [sel]}
    else:
        attrs = {"rcut_r_smth": cut[0], "rcut_r": cut[1], "sel_a": [sel]}
    unused = [gs.Variable(f"unused_{i}") for i in range(4)]
    statistics = [gs.Constant("davg", davg), gs.Constant("dstd", dstd)]
    env_mat = gs.Node(
        "ProdEnvMatR" if kind == "R" else "ProdEnvMatA", "env", attrs, unused + statistics
    )
    y = gs.Variable("y", dtype=np.dtype(dtype), shape=(1, 3))
    neighbors = (0, 0) if kind == "T" else (0,)
    return choose_grid(EmbeddingNet("net", 0, neighbors, env_mat, y, y, [], env_mat), options)

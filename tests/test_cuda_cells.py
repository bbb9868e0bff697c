# SPDX-License-Identifier: LGPL-3.0-or-later
"""Do the cells on the device (custom_ops/cuda/cells.h) find the neighbours that vesin finds?"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from conftest import CUDA_PATHS

RCUT = 3.0
CUBE = 9.0 * np.eye(3)
TILTED = np.array([[9.0, 0, 0], [-4, 8, 0], [3, 5, 10]])
THIN = np.array([[2.0, 0, 0], [0.3, 2.5, 0], [0, 0, 1.7]])  # several images of each atom
LONG = np.diag([4.0, 60, 5])

BOXES = {
    "cube": (CUBE, [1, 1, 1]),
    "tilted": (TILTED, [1, 1, 1]),
    "left-handed": (TILTED[[1, 0, 2]], [1, 1, 1]),
    "thin": (THIN, [1, 1, 1]),
    "long": (LONG, [1, 1, 1]),
    "slab": (np.diag([6.0, 6, 1]), [1, 1, 0]),
    "wire": (np.diag([1.0, 5, 1]), [0, 1, 0]),
    "open": (np.eye(3), [0, 0, 0]),
}


@pytest.fixture(scope="module", params=CUDA_PATHS)
def device(request, operators):
    """The device's functions."""
    from cuda_library import Device
    from dponnx.custom_ops import library_path

    return Device(library_path(f"dponnx_ops_{request.param}"))


def atoms(name: str, n: int) -> np.ndarray:
    """Atoms in the box, some of them outside it by several vectors."""
    rng = np.random.default_rng(n)
    box, along = BOXES[name]
    scale = np.where(along, 1, 12.0)
    return (rng.uniform(0, 1, (n, 3)) * scale + rng.integers(-2, 3, (n, 3)) * along) @ box


def expected(coord, box, along, rcut):
    """vesin's pairs: i, j, the vector from i to j, rounded; sorted."""
    vesin = pytest.importorskip("vesin", reason="vesin is not installed")
    box = np.where(np.array(along, bool)[:, None], box, box * 1000)  # vesin wants all atoms inside
    origin = coord - np.where(along, 0, 1) @ box / 2
    finder = vesin.NeighborList(cutoff=rcut, full_list=True)
    i, j, vector = finder.compute(origin, box, np.array(along, bool), "ijD")
    return ordered(i, j, vector)


def ordered(i, j, vector):
    table = np.column_stack([i, j, np.round(vector, 6) + 0.0])
    return table[np.lexsort(table.T[::-1])]


def found(device, coord, box, along, rcut):
    rows, first, count, neighbors = device.neighbors(coord, box, along, rcut)
    owner = np.concatenate(
        [np.arange(len(coord)), np.repeat(np.arange(len(coord)), np.diff(first))]
    ).astype(int)
    real = np.arange(neighbors.shape[1]) < count[:, None]
    assert (neighbors[~real] == -1).all()
    i = np.nonzero(real)[0]
    row = neighbors[real]
    return ordered(i, owner[row], rows[row] - rows[i])


@pytest.mark.parametrize("n", [0, 1, 2, 33, 300])
@pytest.mark.parametrize("name", BOXES)
def test_the_neighbours_are_those_of_vesin(device, name, n):
    box, along = BOXES[name]
    if name == "thin":
        n = min(n, 33)  # hundreds of images of each
    coord = atoms(name, n)
    mine = found(device, coord, box, along, RCUT)
    if n == 0:
        assert len(mine) == 0
        return
    np.testing.assert_array_equal(mine, expected(coord, box, along, RCUT))


def test_far_fragments_need_few_cells(device):
    """Two clusters 1e6 cutoffs apart: the cells grow instead of their number."""
    coord = np.concatenate([atoms("open", 20), atoms("open", 20) + 3e6])
    mine = found(device, coord, np.eye(3), [0, 0, 0], RCUT)
    one = expected(coord[:20], np.eye(3), [0, 0, 0], RCUT)
    assert len(one) > 20 and len(mine) == 2 * len(one)
    np.testing.assert_array_equal(mine[: len(one), :2], one[:, :2])


def test_the_order_does_not_depend_on_the_order_of_threads(device, operators):
    """Bit for bit: a second time, and emulated in the reverse order of blocks and threads."""
    coord = atoms("tilted", 200)
    once = device.neighbors(coord, *BOXES["tilted"], RCUT)
    for a, b in zip(once, device.neighbors(coord, *BOXES["tilted"], RCUT), strict=True):
        np.testing.assert_array_equal(a, b)
    program = (
        "import sys, pickle, test_cuda_cells as t; from cuda_library import Device;"
        "from dponnx.custom_ops import library_path;"
        "d = Device(library_path('dponnx_ops_emulated'));"
        "r = d.neighbors(t.atoms('tilted', 200), *t.BOXES['tilted'], t.RCUT);"
        "sys.stdout.buffer.write(pickle.dumps(r))"
    )
    environment = os.environ | {
        "DPONNX_EMULATED_ORDER": "reverse",
        "PYTHONPATH": os.path.dirname(__file__),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    for a, b in zip(once, pickle.loads(done.stdout), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)
        if a.dtype != float:
            np.testing.assert_array_equal(a, b)

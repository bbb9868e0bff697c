# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whole models, fused and plain: CUDA's kernels, emulated or on a GPU, beside the CPU's."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from conftest import CUDA_PATHS
from dponnx import compress
from kernel_worker import Worker
from tolerances import cuda_model

MODELS = ("fixture", "sea", "ser", "se3", "hybrid3", "sea_f32", "mixed", "plain", "plain hybrid3")
N_LOCAL = 12


@pytest.fixture(scope="module")
def cpu(operators):
    worker = Worker(None)
    yield worker
    worker.close()


@pytest.fixture(scope="module", params=CUDA_PATHS)
def cuda(request, operators):
    worker = Worker(request.param)
    worker.register()
    yield worker
    worker.close()


@pytest.fixture(scope="module", params=MODELS)
def model(request, fixture_dir, tmp_path_factory):
    """(name, compressed ONNX model as bytes, inputs of one frame)."""
    name = request.param
    if name in ("fixture", "plain"):
        folder = fixture_dir / "sea_small_2side"
    else:
        shared = request.getfixturevalue("shared")
        folder = shared / "models" / ("sea" if name == "mixed" else name.split()[-1])
    out = tmp_path_factory.mktemp(name) / "c.pb"
    options = {
        "precision": "mixed" if name == "mixed" else "model",
        "optimize": "plain" not in name,
    }
    report = compress(folder / "graph.pb", out, step=0.05, frequency=1, **options)
    with np.load(folder / "reference.npz") as values:
        coord, atype = values["bulk_coord"][0].reshape(-1, 3), values["bulk_atype"]
    path = report.onnx
    rcut = next(float(p.value) for p in onnx.load(path).metadata_props if p.key == "rcut")
    return name, path.read_bytes(), frame(coord, atype, rcut)


def frame(coord, atype, rcut: float) -> dict[str, np.ndarray]:
    """The atoms around the middle of a piece of bulk, the others as ghosts, with more neighbours
    listed than are near; among them none, and an atom without a type."""
    away = np.linalg.norm(coord - coord.mean(axis=0), axis=1)
    order = np.argsort(away)
    order = np.concatenate([np.sort(order[:N_LOCAL]), order[N_LOCAL:]])
    local = order[:N_LOCAL][np.argsort(atype[order[:N_LOCAL]], kind="stable")]
    order[:N_LOCAL] = local
    coord, atype = coord[order].astype(float), atype[order].astype(np.int32)
    atype[N_LOCAL + 5] = -1
    lists = []
    for i in range(N_LOCAL):
        near = np.linalg.norm(coord - coord[i], axis=1) < rcut + 1
        near[i] = False
        lists.append(np.flatnonzero(near))
    nlist = np.full((N_LOCAL, max(map(len, lists)) + 3), -1, np.int32)
    for i, near in enumerate(lists):
        nlist[i, 2 : 2 + len(near)] = near
    counts = [np.sum(atype[:N_LOCAL] == t) for t in range(2)]
    natoms = np.array([N_LOCAL, len(coord), *counts], np.int32)
    return {"coord": coord, "atype": atype, "natoms": natoms, "nlist": nlist}


@pytest.mark.parametrize("atoms", ["many", "none"])
def test_the_same_numbers_as_on_the_cpu(model, cpu, cuda, atoms):
    name, path, inputs = model
    inputs = inputs | {"want_atom_virial": np.array([True])}
    if atoms == "none":
        nall = len(inputs["coord"])
        inputs |= {"natoms": np.array([0, nall, 0, 0], np.int32), "nlist": inputs["nlist"][:0]}
    expected, found = cpu.run(path, inputs), cuda.run(path, inputs)
    assert len(found) == len(expected) >= 6
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, **cuda_model(name in ("sea_f32", "mixed"), theirs))


def test_the_same_bits_each_time(model, cuda):
    _, path, inputs = model
    first, second = (cuda.run(path, inputs) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)

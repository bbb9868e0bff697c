# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frozen TensorFlow models with random weights, made by DeePMD-kit without training."""

from __future__ import annotations

import copy
from pathlib import Path
from unittest import mock

import numpy as np

RCUT = 4.0


def random_model(
    path: Path, ntypes: int, descriptor: dict, fitting: dict | None = None, seed: int = 0, **model
) -> Path:
    """Writes a frozen graph with DeePMD-kit's backend conversion: random weights, statistics of
    the size that training gives. min_nbor_dist is 0.8 angstrom."""
    from deepmd.dpmodel.model.model import get_model
    from deepmd.tf.utils.serialization import deserialize_to_file

    parameters = _parameters(ntypes, descriptor, fitting, seed, model)
    data = get_model(copy.deepcopy(parameters)).serialize()
    _random_statistics(data, np.random.default_rng(seed))
    deserialize_to_file(str(path), _to_write(data, parameters))
    return path


def untrained_model(
    path: Path, ntypes: int, descriptor: dict, fitting: dict | None = None, seed: int = 0, **model
) -> Path:
    """The same for what only DeePMD-kit's TensorFlow side has (se_atten_v2, se_a_ebd_v2, a type
    embedding of the whole model): as `dp freeze` writes it before any training."""
    from deepmd.tf.model.model import Model
    from deepmd.tf.utils import serialization

    fitting = {"type": "ener", **(fitting or {})}
    parameters = _parameters(ntypes, descriptor, fitting, seed, model)
    built = Model(**copy.deepcopy(parameters))
    _untrained_statistics(built.descrpt, np.random.default_rng(seed))
    with mock.patch.object(serialization.Model, "deserialize", lambda data: built):
        serialization.deserialize_to_file(str(path), _to_write(None, parameters))
    return path


def _parameters(
    ntypes: int, descriptor: dict, fitting: dict | None, seed: int, model: dict
) -> dict:
    """The `model` section of a training input."""
    return {
        "type_map": [f"X{t}" for t in range(ntypes)],
        "descriptor": _complete(descriptor, seed),
        "fitting_net": {"neuron": [12, 12], "seed": seed, **(fitting or {})},
        **model,
    }


def _to_write(data: dict | None, parameters: dict) -> dict:
    return {
        "model": data,
        "model_def_script": parameters,
        "@variables": {"min_nbor_dist": np.array(0.8)},
    }


def _untrained_statistics(descriptor, rng: np.random.Generator) -> None:
    """As _random_statistics, of a descriptor object and those in its list."""
    for part in getattr(descriptor, "descrpt_list", []):
        _untrained_statistics(part, rng)
    if not hasattr(descriptor, "davg"):
        return
    columns = 1 if type(descriptor).__name__ == "DescrptSeR" else 4
    shape = descriptor.ntypes, descriptor.ndescrpt // columns, columns
    descriptor.davg, descriptor.dstd = (a.reshape(shape[0], -1) for a in _statistics(shape, rng))


def _complete(descriptor: dict, seed: int) -> dict:
    """With cutoffs and seed; each part of a hybrid has its own."""
    if descriptor["type"] == "hybrid":
        return {**descriptor, "list": [_complete(part, seed) for part in descriptor["list"]]}
    return {"rcut_smth": 0.5, "rcut": RCUT, "seed": seed, **descriptor}


def _random_statistics(data: dict, rng: np.random.Generator) -> None:
    """davg and dstd of every descriptor: per centre type, equal for all slots as in training."""
    for key, value in data.items():
        if key == "@variables" and "davg" in value:
            value["davg"], value["dstd"] = _statistics(value["davg"].shape, rng)
        elif isinstance(value, dict):
            _random_statistics(value, rng)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _random_statistics(item, rng)


def _statistics(shape: tuple[int, ...], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """davg and dstd (ntypes, nnei, columns)."""
    columns = shape[-1]
    avg, std = np.zeros(shape), np.zeros(shape)
    for t in range(shape[0]):
        avg[t, :, 0] = rng.uniform(0.02, 0.1)
        std[t] = rng.uniform(0.1, 0.2, size=min(columns, 2))[[0] + [-1] * (columns - 1)]
    return avg, std


def random_system(ntypes: int, natoms: int, seed: int, edge: float = 8.0, shortest: float = 0.9):
    """coord (natoms, 3) no closer than `shortest` where there is room, box (3, 3), atype."""
    rng = np.random.default_rng(seed)
    box = edge * np.eye(3) + rng.uniform(-0.5, 0.5, (3, 3))
    coord = np.zeros((0, 3))
    while len(coord) < natoms:
        new = rng.random(3)
        d = coord @ np.linalg.inv(box) - new if len(coord) else np.zeros((0, 3))
        d = (d - np.round(d)) @ box
        if len(d) == 0 or np.linalg.norm(d, axis=1).min() > shortest:
            coord = np.concatenate([coord, (new @ box)[None]])
    return coord, box, rng.integers(0, ntypes, natoms)

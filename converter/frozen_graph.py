# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reads a frozen TensorFlow model of DeePMD-kit and says what it is."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..runtime.errors import InputError, UnsupportedModelError
from .graph_file import parse, read_bytes
from .quantity import Quantity, quantity_of
from .soundness import check_constants, check_cutoff, check_env_mats, check_references
from .tensorflow_quiet import tensorflow
from .upgrade import upgrade

log = logging.getLogger("dponnx")

# and their attribute sel: a number for each type, or (Mix) one for all neighbours together
ENV_MAT_OPS = {"ProdEnvMatA": "sel_a", "ProdEnvMatAMix": "sel_a", "ProdEnvMatR": "sel"}
LARGEST_COUNT = 10_000  # of types or parameters: more is damage
UNSUPPORTED = {  # operator or constant: the feature it stands for
    "PairTab": "a pair potential from a table (ZBL, linear_ener)",
    "spin_attr/ntypes_spin": "spin",
}


@dataclass
class FrozenModel:
    """A GraphDef and what its attribute constants say (names as DeePMD-kit's)."""

    path: Path
    graph_def: object
    sha256: str
    nodes: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = {n.name: n for n in self.graph_def.node}

    def const(self, name: str, default=None):
        """Value of the constant `name` as numpy array, or str for text."""
        node = self.nodes.get(name)
        if node is None or node.op != "Const":
            return default
        try:
            value = tensorflow().make_ndarray(node.attr["value"].tensor)
            if value.dtype == object:
                return value.item().decode(errors="replace")
        except Exception as e:  # TensorFlow raises whatever a damaged tensor leads to
            raise InputError(f"{self.path}: the constant {name} cannot be read: {e!r:.200}") from e
        return value

    def number(self, name: str, default=None) -> float | None:
        """Value of the constant `name`, one finite number of its own type; None without one."""
        value = self.const(name, default)
        if value is None:
            return None
        if np.size(value) != 1 or np.asarray(value).dtype.kind not in "iuf":
            raise InputError(
                f"{self.path}: the constant {name} is {value!r:.60}; expected a number"
            )
        if not np.isfinite(value):
            raise InputError(
                f"{self.path}: the constant {name} is {value}; expected a finite number"
            )
        return np.asarray(value).item()

    def ops(self, *names: str) -> list:
        return [n for n in self.graph_def.node if n.op in names]

    @property
    def type_map(self) -> list[str]:
        return str(self.const("model_attr/tmap", "")).split()

    @property
    def type_names(self) -> list[str]:
        """type_map, or numbers where the model has no names."""
        return self.type_map or [str(t) for t in range(self.ntypes)]

    @property
    def ntypes(self) -> int:
        return int(self.number("descrpt_attr/ntypes"))

    @property
    def rcut(self) -> float:
        return float(self.number("descrpt_attr/rcut"))

    @property
    def model_type(self) -> str:
        return str(self.const("model_attr/model_type", "ener"))

    @property
    def quantity(self) -> Quantity:
        """What the model predicts."""
        return quantity_of(self)

    @property
    def model_version(self) -> str:
        return str(self.const("model_attr/model_version", ""))

    @property
    def dfparam(self) -> int:
        return int(self.number("fitting_attr/dfparam", 0))

    @property
    def daparam(self) -> int:
        return int(self.number("fitting_attr/daparam", 0))

    @property
    def min_nbor_dist(self) -> float | None:
        value = self.const("train_attr/min_nbor_dist")
        if value is not None and np.size(value) != 1:
            raise InputError(
                f"{self.path}: train_attr/min_nbor_dist is {value!r:.60}; expected a number"
            )
        return None if value is None else float(np.asarray(value).item())

    @property
    def training_script(self) -> str:
        return str(self.const("train_attr/training_script", ""))

    @property
    def is_compressed(self) -> bool:
        tables = self.ops(
            "TabulateFusion",
            "TabulateFusionSeA",
            "TabulateFusionSeR",
            "TabulateFusionSeT",
            "TabulateFusionSeAtten",
        )
        return self.const("model_type") == "compressed_model" or bool(tables)

    @property
    def env_mats(self) -> list:
        return self.ops(*ENV_MAT_OPS)

    @property
    def sel(self) -> list[int]:
        """Largest number of neighbours of each type, over the sub-descriptors. Where neighbours of
        all types share one number (se_atten), each type may have that many."""
        sels = [list(n.attr[ENV_MAT_OPS[n.op]].list.i) for n in self.env_mats]
        sels = [
            s * self.ntypes if n.op == "ProdEnvMatAMix" else s
            for n, s in zip(self.env_mats, sels, strict=True)
        ]
        return [max(column) for column in zip(*sels, strict=True)]

    @property
    def n_neighbors(self) -> int:
        """Largest number of neighbours of an atom, over the sub-descriptors."""
        return max(sum(n.attr[ENV_MAT_OPS[n.op]].list.i) for n in self.env_mats)

    @property
    def descriptor(self) -> str:
        """The descriptor's name: from the training script where there is one, else from the ops."""
        try:
            written = json.loads(self.training_script)["model"]["descriptor"]["type"]
        except (ValueError, KeyError, TypeError):
            written = None
        alias = {"se_a": "se_e2_a", "se_r": "se_e2_r", "se_t": "se_e3", "se_at": "se_e3"}
        if written:
            return alias.get(written, written)
        return " + ".join(n.op for n in self.env_mats) or "unknown"

    @property
    def precision(self) -> np.dtype:
        """What the embedding nets compute in."""
        for node in self.graph_def.node:
            if node.op == "Const" and "/matrix_1" in node.name and node.name.startswith("filter"):
                return tensorflow().make_ndarray(node.attr["value"].tensor).dtype
        return np.dtype(np.float64)


def read(path: str | Path) -> FrozenModel:
    """The model in `path`, upgraded in memory if DeePMD-kit before 2.1 froze it.

    InputError or UnsupportedModelError if it is not one we can convert.
    """
    path = Path(path)
    data = read_bytes(path)
    graph_def = parse(data, path)
    check_constants(graph_def, path)
    upgraded = upgrade(graph_def, name=str(path))
    if not upgraded.is_current:
        log.info("%s: frozen by %s; upgraded in memory", path, upgraded.origin)
    model = FrozenModel(path, upgraded.graph_def, hashlib.sha256(data).hexdigest())
    _check(model)
    check_env_mats(model.graph_def, model.ntypes, path)
    check_cutoff(model.graph_def, model.rcut, path)
    check_references(model.graph_def, [model.quantity.target], path)
    return model


def _check(model: FrozenModel) -> None:
    path = model.path
    if not model.env_mats:
        others = (n.op for n in model.graph_def.node if n.op.startswith(("Descrpt", "ProdEnvMat")))
        if other := next(others, None):
            raise UnsupportedModelError(
                f"{path}: its descriptor is computed by the operator {other}; expected se_e2_a, "
                "se_e2_r, se_e3, se_atten or a hybrid of these"
            )
        raise InputError(
            f"{path} is a TensorFlow graph but no DeePMD-kit model: it has no ProdEnvMat operator"
        )
    for name in ("descrpt_attr/rcut", "descrpt_attr/ntypes", "model_attr/tmap"):
        if model.const(name) is None:
            raise InputError(f"{path}: the constant {name} is missing; was it frozen by dp freeze?")
    if not model.rcut > 0:
        raise InputError(
            f"{path}: descrpt_attr/rcut is {model.rcut:g}; expected a distance above 0"
        )
    for name in ("descrpt_attr/ntypes", "fitting_attr/dfparam", "fitting_attr/daparam"):
        if not 0 <= model.number(name, 0) < LARGEST_COUNT:
            raise InputError(f"{path}: the constant {name} is {model.const(name)}; is it damaged?")
    for mark, feature in UNSUPPORTED.items():
        if model.ops(mark) or mark in model.nodes:
            raise UnsupportedModelError(
                f"{path}: the model has {feature} ({mark}), which dponnx does not convert"
            )
    if model.quantity.target not in model.nodes:
        raise UnsupportedModelError(
            f"{path}: model type is {model.model_type}, but there is no {model.quantity.target}"
        )
    if model.model_version.split(".")[0] not in ("1", "0"):
        raise UnsupportedModelError(
            f"{path}: model_version is {model.model_version or 'missing'}; expected 1.x, which "
            "DeePMD-kit 2.0 to 3.2 write"
        )

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reads a frozen TensorFlow model of DeePMD-kit and says what it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..runtime.errors import InputError, UnsupportedModelError
from .tensorflow_quiet import tensorflow

ENV_MAT_OPS = {"ProdEnvMatA": "sel_a", "ProdEnvMatR": "sel"}  # and their attribute sel
MIX_OPS = {"ProdEnvMatAMix"}


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
        value = tensorflow().make_ndarray(node.attr["value"].tensor)
        if value.dtype == object:
            return value.item().decode(errors="replace")
        return value

    def ops(self, *names: str) -> list:
        return [n for n in self.graph_def.node if n.op in names]

    @property
    def type_map(self) -> list[str]:
        return str(self.const("model_attr/tmap", "")).split()

    @property
    def ntypes(self) -> int:
        return int(self.const("descrpt_attr/ntypes"))

    @property
    def rcut(self) -> float:
        return float(self.const("descrpt_attr/rcut"))

    @property
    def model_type(self) -> str:
        return str(self.const("model_attr/model_type", "ener"))

    @property
    def model_version(self) -> str:
        return str(self.const("model_attr/model_version", ""))

    @property
    def dfparam(self) -> int:
        return int(self.const("fitting_attr/dfparam", 0))

    @property
    def daparam(self) -> int:
        return int(self.const("fitting_attr/daparam", 0))

    @property
    def min_nbor_dist(self) -> float | None:
        value = self.const("train_attr/min_nbor_dist")
        return None if value is None else float(value)

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
        """Largest number of neighbours of each type, over the sub-descriptors."""
        sels = [list(n.attr[ENV_MAT_OPS[n.op]].list.i) for n in self.env_mats]
        return [max(column) for column in zip(*sels, strict=True)]

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
        return " + ".join(n.op for n in self.ops(*ENV_MAT_OPS, *MIX_OPS)) or "unknown"

    @property
    def precision(self) -> np.dtype:
        """What the embedding nets compute in."""
        for node in self.graph_def.node:
            if node.op == "Const" and "/matrix_1_" in node.name and node.name.startswith("filter"):
                return tensorflow().make_ndarray(node.attr["value"].tensor).dtype
        return np.dtype(np.float64)


def read(path: str | Path) -> FrozenModel:
    """The model in `path`; InputError or UnsupportedModelError if it is not one we can convert."""
    path = Path(path)
    data = read_bytes(path)
    graph_def = tensorflow().compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except Exception as e:
        raise InputError(f"{path} is not a frozen TensorFlow graph{_guess(data)}") from e
    if not graph_def.node:
        raise InputError(f"{path} is not a frozen TensorFlow graph{_guess(data)}")
    model = FrozenModel(path, graph_def, hashlib.sha256(data).hexdigest())
    _check(model)
    return model


def read_bytes(path: Path) -> bytes:
    if not path.exists():
        raise InputError(f"{path} does not exist; expected a frozen model (graph.pb)")
    if path.is_dir():
        raise InputError(f"{path} is a directory; expected a frozen model (graph.pb)")
    try:
        data = path.read_bytes()
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}") from e
    if not data:
        raise InputError(f"{path} is empty; expected a frozen model (graph.pb)")
    return data


def _guess(data: bytes) -> str:
    """What the bytes look like instead, for the message."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if onnx.ModelProto.FromString(data).graph.node:
            return ": it is an ONNX model; give the graph.pb it was made from"
    except DecodeError:
        pass
    if data.lstrip()[:4] == b"node":
        return ": it looks like a text graph (.pbtxt); freeze it with dp freeze first"
    return "; expected the graph.pb that dp freeze writes"


def _check(model: FrozenModel) -> None:
    path = model.path
    if not model.ops(*ENV_MAT_OPS, *MIX_OPS):
        old = model.ops("DescrptSeA", "DescrptSeR", "DescrptSeANorot")
        if old:
            raise UnsupportedModelError(
                f"{path}: written by DeePMD-kit before 2.0 (operator {old[0].op}); "
                "upgrade it first with dp convert-from"
            )
        raise InputError(
            f"{path} is a TensorFlow graph but no DeePMD-kit model: it has no ProdEnvMat operator"
        )
    for name in ("descrpt_attr/rcut", "descrpt_attr/ntypes", "model_attr/tmap"):
        if model.const(name) is None:
            raise InputError(f"{path}: the constant {name} is missing; was it frozen by dp freeze?")
    if model.ops(*MIX_OPS):
        raise UnsupportedModelError(
            f"{path}: its descriptor is {model.descriptor}; expected se_e2_a, se_e2_r, se_e3 or a "
            "hybrid of these"
        )
    if "o_atom_energy" not in model.nodes:
        raise UnsupportedModelError(
            f"{path}: model type {model.model_type} has no o_atom_energy; "
            "only energy models can be converted in this version"
        )
    if model.model_version.split(".")[0] not in ("1", "0"):
        raise UnsupportedModelError(
            f"{path}: model_version is {model.model_version or 'missing'}; expected 1.x, which "
            "DeePMD-kit 2.0 to 3.2 write"
        )

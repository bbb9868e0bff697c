# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reads back what was written, before success is reported."""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

import numpy as np

from ..runtime.errors import ConversionError
from . import frozen_graph

log = logging.getLogger("dponnx")


def frozen_tf(path: Path) -> None:
    """The frozen-TF file parses and says that it is compressed."""
    if not frozen_graph.read(path).is_compressed:
        raise ConversionError(f"{path.name}: reading it back, it is not a compressed model")


def onnx(path: Path, distance: float) -> None:
    """ONNX Runtime opens the file and evaluates a chain of atoms `distance` angstrom apart."""
    if importlib.util.find_spec("onnxruntime") is None:
        log.warning("onnxruntime is not installed: %s was not evaluated", path.name)
        return
    from ..runtime.deep_tensor import DeepTensor, open_model

    model = open_model(path)
    atype = np.arange(2 * model.get_ntypes()) % model.get_ntypes()
    coord = np.zeros((len(atype), 3))
    coord[:, 0] = 1.5 * distance * np.arange(len(atype))
    fparam = np.zeros(model.get_dim_fparam()) if model.get_dim_fparam() else None
    aparam = np.zeros((len(atype), model.get_dim_aparam())) if model.get_dim_aparam() else None
    evaluate = model.eval_full if isinstance(model, DeepTensor) else model.eval
    results = evaluate(coord[None], None, atype, fparam=fparam, aparam=aparam)
    if not all(np.isfinite(r).all() for r in results):
        raise ConversionError(
            f"{path.name}: an output for {len(atype)} atoms in a row is not finite; "
            "is the original model sound? (dp test)"
        )

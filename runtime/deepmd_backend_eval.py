# SPDX-License-Identifier: LGPL-3.0-or-later
"""What DeePMD-kit's evaluators call for our files: its names of the outputs, our models."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cached_property
from importlib import import_module
from typing import Any, NoReturn

import numpy as np
from deepmd.infer.deep_eval import DeepEval as DeepmdEval
from deepmd.infer.deep_eval import DeepEvalBackend

from .deep_eval import DeepEval
from .deep_tensor import DeepDOS, open_model
from .errors import InputError, UnsupportedModelError
from .metadata import Described, read_info

# model type: module and class of deepmd.infer
EVALUATORS = {
    "ener": ("deep_pot", "DeepPot"),
    "dipole": ("deep_dipole", "DeepDipole"),
    "polar": ("deep_polar", "DeepPolar"),
    "dos": ("deep_dos", "DeepDOS"),
}


def _absent(what: str) -> Callable[..., NoReturn]:
    """A method that says what these models do not have."""

    def method(self: OnnxEval, *args: Any, **kwargs: Any) -> NoReturn:
        raise UnsupportedModelError(
            f"{self.info.name}: ONNX models do not give {what}; ask the model it was made from"
        )

    return method


class OnnxEval(Described, DeepEvalBackend):
    """A model of ours behind deepmd.infer.

    Options of DeePMD-kit's that choose how neighbours are found or frames are batched have no
    effect: the neighbours are the same, and frames go one by one. Raises what open_model raises.
    """

    def __init__(self, model_file: str, output_def: Any, *args: Any, **kwargs: Any) -> None:
        self.info = read_info(model_file)
        self.output_def = output_def
        self._file = model_file
        # DeePMD-kit asks for the type of a model by opening it once more, expecting no outputs.
        if wanted := output_def.keys_outp():
            self._check_type(wanted)

    @cached_property
    def model(self) -> DeepEval:
        """The open model."""
        return open_model(self._file)

    @property
    def _quantity(self) -> str:
        """DeePMD-kit's name of what the model predicts."""
        return "energy" if self.info.model_type == "ener" else self.info.model_type

    def _check_type(self, wanted: Iterable[str]) -> None:
        if self._quantity not in wanted:
            kind = EVALUATORS.get(self.info.model_type, ("", "DeepEval"))[1]
            raise InputError(
                f"{self.info.name}: model type is {self.info.model_type}; "
                f"open it with deepmd.infer's {kind}"
            )
        _ = self.model  # a damaged file is refused now

    def eval(
        self,
        coords: np.ndarray,
        cells: np.ndarray | None,
        atom_types: np.ndarray,
        atomic: bool = False,
        fparam: np.ndarray | None = None,
        aparam: np.ndarray | None = None,
        **kwargs: Any,
    ) -> dict[str, np.ndarray]:
        """Results by DeePMD-kit's names: X_redu the sum over the atoms, X_derv_r and X_derv_c its
        derivatives; X (atoms) and X_derv_c only if atomic. Arguments as deepmd.infer passes them.
        """
        for name in ("efield", "spin", "charge_spin"):
            if kwargs.get(name) is not None:
                raise InputError(f"{self.info.name}: this model takes no {name}; leave it out")
        model = self.model
        full = getattr(model, "eval_full", model.eval)
        results = full(coords, cells, atom_types, atomic, fparam, aparam, mixed_type=True)
        name = self._quantity
        if isinstance(model, DeepDOS):
            return dict(zip((f"{name}_redu", name), results, strict=False))
        keys = ("redu", "derv_r", "derv_c_redu")
        found = {f"{name}_{key}": value for key, value in zip(keys, results, strict=False)}
        if atomic:
            found |= {name: results[3], f"{name}_derv_c": results[4]}
        return found

    def get_sel_type(self) -> list[int]:
        """Types of the atoms that have the quantity."""
        return list(self.info.sel_type)

    def get_numb_dos(self) -> int:
        """Points of the energy grid of a density of states; 0 for other models."""
        return self.info.output_dim if self.info.model_type == "dos" else 0

    def get_ntypes_spin(self) -> int:
        """No spins."""
        return 0

    def get_model(self) -> DeepEval:
        """The dponnx model."""
        return self.model

    @property
    def model_type(self) -> type[DeepmdEval]:
        """deepmd.infer's class for the model."""
        if self.info.model_type not in EVALUATORS:
            raise UnsupportedModelError(
                f"{self.info.name}: model type is {self.info.model_type}; upgrade dponnx"
            )
        module, name = EVALUATORS[self.info.model_type]
        return getattr(import_module(f"deepmd.infer.{module}"), name)

    def get_model_def_script(self) -> dict:
        """The `model` section of the training script that the file carries."""
        try:
            return json.loads(self.info.props.get("training_script", ""))["model"]
        except (ValueError, KeyError, TypeError):
            raise UnsupportedModelError(
                f"{self.info.name}: carries no readable training script; try dponnx info"
            ) from None

    eval_descriptor = _absent("descriptors")
    eval_fitting_last_layer = _absent("the last layer of the fitting net")
    eval_embedding = _absent("embeddings")
    eval_typeebd = _absent("embeddings of the types")
    get_model_size = _absent("the number of their parameters")
    get_observed_types = _absent("the types seen in training")
    serialize = _absent("their parameters")

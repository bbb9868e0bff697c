# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a model predicts: an energy, or a tensor an atom (dipole, polar, dos)."""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.errors import UnsupportedModelError
from .symbols import Size, n_of_type

NAMES = {"ener": "energy", "dos": "dos", "dipole": "dipole", "polar": "polar"}


@dataclass(frozen=True)
class Quantity:
    """The sum `name` and its atomic parts `atomic`, as our outputs are called.

    width: components an atom, 1 for energies; types: those whose atoms have the quantity;
    target: the node of the frozen graph that holds the atomic parts, total: the one that holds
    the sum; has_force: whether the model also has derivatives (dos has none).
    """

    name: str
    width: int
    types: tuple[int, ...]

    @property
    def atomic(self) -> str:
        return f"atom_{self.name}"

    @property
    def is_energy(self) -> bool:
        return self.name == "energy"

    @property
    def has_force(self) -> bool:
        return self.name != "dos"

    @property
    def target(self) -> str:
        return f"o_{self.name}" if self._is_tensor else f"o_{self.atomic}"

    @property
    def total(self) -> str:
        return f"o_global_{self.name}" if self._is_tensor else f"o_{self.name}"

    @property
    def _is_tensor(self) -> bool:
        return self.name in ("dipole", "polar")

    @property
    def rows(self) -> Size:
        """Atoms of a frame that have the quantity."""
        total: Size = 0
        for t in self.types:
            total = total + n_of_type(t)
        return total


def quantity_of(model) -> Quantity:
    """The quantity of a FrozenModel; UnsupportedModelError for model types not converted."""
    name = NAMES.get(model.model_type)
    if name is None:
        raise UnsupportedModelError(
            f"{model.path}: model type is {model.model_type}; expected one of {', '.join(NAMES)}"
        )
    width, types = 1, range(model.ntypes)
    if name == "dos":
        width = int(model.const("fitting_attr/numb_dos", model.const("model_attr/output_dim", 0)))
    elif name != "energy":
        width = {"dipole": 3, "polar": 9}[name]
        chosen = model.const("model_attr/sel_type")
        types = types if chosen is None or not chosen.size else sorted(map(int, chosen.ravel()))
    return Quantity(name, width, tuple(types))

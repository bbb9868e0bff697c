# SPDX-License-Identifier: LGPL-3.0-or-later
"""DP: our models as a calculator of ASE, used as deepmd.calculator.DP. `from dponnx.ase import DP`

The model is opened once. Unlike DeePMD-kit's calculator this one honours a cell that is periodic in
some directions only, gives energies and stresses of the atoms, and notices changed parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from .deep_pot import DeepPot
from .errors import InputError

try:
    from ase import Atoms
    from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
    from ase.data import atomic_numbers
    from ase.stress import full_3x3_to_voigt_6_stress
except ImportError as error:
    raise ImportError(
        f"the ASE calculator needs ase ({error}); install it: pip install 'dponnx[ase]'"
    ) from error

PARAMETERS = ("fparam", "aparam")
MODEL_OPTIONS = ("threads", "device", "overflow")
# A cell whose volume is this small, relative to that of a box of its edges, has none.
FLAT = 1e-12
CALCULATOR_OPTIONS = ("restart", "ignore_bad_restart_file", "directory", "atoms")


class DP(Calculator):
    """A potential energy model as ASE calculator; angstrom, eV, eV/angstrom, eV/angstrom^3.

    >>> atoms.calc = DP("water.onnx")
    >>> atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()

    model      path of a model file, or an open DeepPot
    type_dict  type index of each chemical symbol (default: by the model's type map)
    fparam, aparam  parameters of models that take them, in any shape DeepPot.eval takes;
               atoms.info["fparam"] and atoms.info["aparam"] win
    threads, device, overflow: as DeepPot's; directory, atoms, ...: as ASE's Calculator's.

    Where no direction is periodic there is no stress; in a partly periodic cell there is if all
    three cell vectors are given, which then define the volume.
    Raises InputError for elements and options it does not know, and what DeepPot raises.
    """

    name = "DP"
    implemented_properties: ClassVar[list[str]] = (
        "energy free_energy forces virial stress energies stresses".split()
    )

    def __init__(
        self,
        model: str | Path | DeepPot,
        label: str = "DP",
        type_dict: dict[str, int] | None = None,
        **options: Any,
    ) -> None:
        known = (*PARAMETERS, *MODEL_OPTIONS, *CALCULATOR_OPTIONS)
        # Options of deepmd.calculator.DP that mean nothing here are None where they are not used.
        options = {key: value for key, value in options.items() if value is not None}
        for key in options:
            if key not in known:
                raise InputError(f"DP has no option {key!r}; expected one of {', '.join(known)}")
        self._defaults = {key: options.pop(key, None) for key in PARAMETERS}
        opening = {key: options.pop(key) for key in MODEL_OPTIONS if key in options}
        if isinstance(model, DeepPot) and opening:
            raise InputError(f"the model is open already; leave out {', '.join(opening)}")
        super().__init__(label=label, **options)
        self.dp = model if isinstance(model, DeepPot) else DeepPot(model, **opening)
        names = self.dp.get_type_map()
        self.type_dict = type_dict or {name: k for k, name in enumerate(names)}
        self._type_of_number = self._numbered()

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | tuple[str, ...] = ("energy",),
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate the model for atoms; results of single atoms only if properties ask for them."""
        super().calculate(atoms, properties, system_changes)
        atoms = self.atoms
        energy, force, virial, *parts = self.dp.eval(
            atoms.positions[None],
            atoms.cell.array[None],
            self._types(atoms),
            atomic=not {"energies", "stresses"}.isdisjoint(properties),
            pbc=atoms.pbc,
            **self._parameters(atoms),
        )
        self.results = {
            "energy": float(energy[0, 0]),
            "free_energy": float(energy[0, 0]),
            "forces": force[0],
            "virial": virial[0].reshape(3, 3),
        }
        volume = atoms.cell.volume
        has_volume = atoms.pbc.any() and volume > FLAT * atoms.cell.lengths().prod()
        if has_volume:
            self.results["stress"] = stress_of(virial[0], volume)
        if parts:
            self.results["energies"] = parts[0][0, :, 0]
            if has_volume:
                self.results["stresses"] = stress_of(parts[1][0], volume)
        missing = {"stress", "stresses"}.intersection(properties)
        if missing and not has_volume:
            raise PropertyNotImplementedError(
                f"{', '.join(missing)}: the cell has no volume, or no direction is periodic"
            )

    def check_state(self, atoms: Atoms, tol: float = 1e-15) -> list[str]:
        """What changed since the last calculation; ASE itself does not look at atoms.info."""
        changes = super().check_state(atoms, tol)
        if not changes:
            old, new = self._parameters(self.atoms), self._parameters(atoms)
            if not all(np.array_equal(old[key], new[key]) for key in PARAMETERS):
                changes = ["info"]
        return changes

    def _parameters(self, atoms: Atoms) -> dict[str, Any]:
        """fparam and aparam: of the atoms, else as given to the calculator, else None."""
        return {key: atoms.info.get(key, self._defaults[key]) for key in PARAMETERS}

    def _numbered(self) -> np.ndarray:
        """Type index by atomic number, -1 where the model has none."""
        if not isinstance(self.type_dict, Mapping):
            raise InputError(f"type_dict is {self.type_dict!r}; expected {{symbol: type index}}")
        table = np.full(max(atomic_numbers.values()) + 1, -1)
        for symbol, index in self.type_dict.items():
            if index not in range(self.dp.get_ntypes()):
                raise InputError(
                    f"type_dict gives {symbol} type {index!r}; the model has types 0 to "
                    f"{self.dp.get_ntypes() - 1}"
                )
            if symbol in atomic_numbers:
                table[atomic_numbers[symbol]] = index
        return table

    def _types(self, atoms: Atoms) -> np.ndarray:
        types = self._type_of_number[atoms.numbers]
        unknown = sorted({atoms.symbols[k] for k in np.flatnonzero(types < 0)})
        if unknown:
            has = " ".join(self.type_dict) or "no names of types; give type_dict"
            raise InputError(f"{self.dp.info.name}: no type for {' '.join(unknown)}; it has {has}")
        return types


def stress_of(virial: np.ndarray, volume: float) -> np.ndarray:
    """Stress (..., 6) eV/angstrom^3, in ASE's order xx yy zz yz xz xy, positive under tension.

    virial (..., 9) eV; volume angstrom^3. stress = -(virial + virial^T)/2 / volume
    """
    # ASE's function averages the two off-diagonal elements.
    return full_3x3_to_voigt_6_stress(-virial.reshape(*virial.shape[:-1], 3, 3) / volume)

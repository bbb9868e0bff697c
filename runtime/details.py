# SPDX-License-Identifier: LGPL-3.0-or-later
"""PREFIX.{e,e_peratom,f,v,v_peratom}.out as `dp test -d` writes them: parity plots read these.

Columns data_*: the original model, pred_*: the compressed one. As in `dp test`, the first system
writes the header, later ones append. (DeePMD-kit 3.2, deepmd/infer/model_test/ener.py.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

AXES = "xyz"
_TENSOR = [a + b for a in AXES for b in AXES]
COLUMNS = {"e": ["e"], "f": [f"f{a}" for a in AXES], "v": [f"v{ab}" for ab in _TENSOR]}

Pair = tuple[np.ndarray, np.ndarray]


def write_details(
    prefix: str | Path, system: str, natoms: int, pairs: tuple[Pair, Pair, Pair], append: bool
) -> None:
    """Write or extend the five files.

    pairs: (original, compressed) of energy (nframes, 1) eV, force (nframes, natoms, 3)
    eV/angstrom, virial (nframes, 9) eV. *_peratom: divided by natoms.
    """
    for key, (data, pred) in zip(COLUMNS, pairs, strict=True):
        width = len(COLUMNS[key])
        table = np.concatenate([data.reshape(-1, width), pred.reshape(-1, width)], axis=1)
        names = [f"{side}_{name}" for side in ("data", "pred") for name in COLUMNS[key]]
        header = f"{system}: {' '.join(names)}"
        _save(Path(f"{prefix}.{key}.out"), table, header, append)
        if key != "f":
            _save(Path(f"{prefix}.{key}_peratom.out"), table / max(natoms, 1), header, append)


def _save(file: Path, table: np.ndarray, header: str, append: bool) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a" if append else "w", encoding="utf-8") as stream:
        np.savetxt(stream, table, header="" if append else header)

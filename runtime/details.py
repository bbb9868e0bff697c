# SPDX-License-Identifier: LGPL-3.0-or-later
"""PREFIX.{e,e_peratom,f,v,v_peratom}.out as `dp test -d` writes them: parity plots read these.

Columns data_*: the original model or the labels, pred_*: the compressed or the tested model. As in
`dp test`, the first system writes the header, later ones append. (DeePMD-kit 3.2,
deepmd/infer/model_test.)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

AXES = "xyz"
TENSOR = [a + b for a in AXES for b in AXES]
COLUMNS = {
    "e": ["e"],
    "f": [f"f{a}" for a in AXES],
    "v": [f"v{ab}" for ab in TENSOR],
    "s": [f"s{ab}" for ab in TENSOR],
}

Pair = tuple[np.ndarray, np.ndarray]


def write_details(
    prefix: str | Path, system: str, natoms: int, pairs: tuple[Pair, ...], append: bool
) -> None:
    """Write or extend the five files, or six.

    pairs: (original, compressed) of energy (nframes, 1) eV, force (nframes, natoms, 3)
    eV/angstrom, virial (nframes, 9) eV, and maybe stress (nframes, 9) eV/angstrom^3.
    *_peratom: divided by natoms.
    """
    for key, pair in zip(COLUMNS, pairs, strict=False):
        unit = " (eV/Å³)" if key == "s" else ""
        header = f"{system}{unit}: {' '.join(headings(COLUMNS[key]))}"
        table = side_by_side(pair, len(COLUMNS[key]))
        save_table(f"{prefix}.{key}.out", table, header, append)
        if key in "ev":
            save_table(f"{prefix}.{key}_peratom.out", table / max(natoms, 1), header, append)


def headings(names: list[str]) -> list[str]:
    """The columns' names, those of the data before those of the prediction."""
    return [f"{side}_{name}" for side in ("data", "pred") for name in names]


def side_by_side(pair: Pair, width: int) -> np.ndarray:
    """Rows of `width` numbers of the data, then as many of the prediction."""
    return np.concatenate([side.reshape(-1, width) for side in pair], axis=1)


def save_table(name: str | Path, table: np.ndarray, header: str, append: bool = False) -> None:
    """Rows of numbers; the header only where the file is new or empty."""
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    append = append and file.is_file() and file.stat().st_size > 0
    with file.open("a" if append else "w", encoding="utf-8") as stream:
        np.savetxt(stream, table, header="" if append else header)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Does LAMMPS, on any number of ranks, give what DeepPot and DeePMD-kit's pair style give?"""

from __future__ import annotations

import lammps_runs as lmp
import numpy as np
import pytest
import tolerances
from dponnx import DeepPot, compress

CASES = ("bulk", "triclinic", "nopbc", "sparse", "smallbox", "close")
pytestmark = pytest.mark.usefixtures("lammps")


@pytest.fixture(scope="module", params=["sea", "hybrid3", "sea_f32"])
def model(request, shared, tmp_path_factory):
    """(name, reference values, our two files)."""
    folder = shared / "models" / request.param
    with np.load(folder / "reference.npz") as values:
        data = dict(values)
    out = tmp_path_factory.mktemp(request.param)
    for case in CASES:
        box = data.get(f"{case}_box")
        lmp.write_data(
            out / f"{case}.data",
            data[f"{case}_coord"][0].reshape(-1, 3),
            data[f"{case}_atype"],
            None if box is None else box[0].reshape(3, 3),
        )
    return request.param, data, compress(folder / "graph.pb", out / "m.pb", step=0.05)


@pytest.fixture(scope="module")
def expected(model):
    """DeepPot's results of each case."""
    name, data, files = model
    evaluate = DeepPot(files.onnx).eval
    return {
        case: evaluate(
            data[f"{case}_coord"][:1],
            data[f"{case}_box"][:1] if f"{case}_box" in data else None,
            data[f"{case}_atype"],
            atomic=True,
        )
        for case in CASES
    }


def every_case(files, style: str) -> str:
    """A script that runs all cases, each in a system of its own."""
    script = ""
    for case in CASES:
        boundary = "s s s" if case == "nopbc" else "p p p"
        script += "clear\n" + lmp.HEAD.format(boundary=boundary, data=f"{case}.data")
        script += f"pair_style {style}\npair_coeff * * O H\n"
        script += lmp.RESULTS.format(dump=f"{case}.dump")
    return script


def compare(output: str, model, expected, twin: bool = False) -> None:
    """All results of a run of every_case against DeepPot's."""
    name, _, files = model
    close = tolerances.same_model("float32" if name.endswith("f32") else "float64", twin)
    chunks = output.split("RESULT")
    for case, chunk in zip(CASES, chunks[1:], strict=True):
        found = lmp.read_result("RESULT" + chunk, files.onnx.parent / f"{case}.dump")
        energy, force, virial, atom_energy, atom_virial = (x[0] for x in expected[case])
        pairs = {
            "energy": (found.energy, energy[0]),
            "force": (found.force, force),
            "virial": (found.virial, virial[lmp.PRESSURE]),
            "atom_energy": (found.atom_energy, atom_energy[:, 0]),
            "atom_virial": (found.atom_virial, atom_virial),
        }
        for quantity, (ours, theirs) in pairs.items():
            np.testing.assert_allclose(
                ours,
                theirs,
                rtol=0,
                atol=close * np.abs(theirs).max(),
                err_msg=f"{case} {quantity}",
            )


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_rank_count_gives_what_deep_pot_gives(model, expected, ranks):
    files = model[2]
    output = lmp.run(files.onnx.parent, every_case(files, "dponnx m.onnx"), ranks)
    compare(output, model, expected)
    if ranks == 3:
        assert "0 min" in "".join(x for x in output.splitlines() if x.startswith("Nlocal"))


def test_deepmd_kits_pair_style_gives_the_same_of_the_twin(model, expected, deepmd):
    files = model[2]
    output = lmp.run(files.onnx.parent, every_case(files, "deepmd m.pb"), peer=True)
    compare(output, model, expected, twin=True)

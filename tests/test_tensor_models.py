# SPDX-License-Identifier: LGPL-3.0-or-later
"""Dipole, polarisability and density-of-states models: both outputs, and their derivatives."""

from __future__ import annotations

from importlib import import_module

import dponnx
import numpy as np
import pytest
from dponnx import DeepPot, compress, convert
from dponnx.runtime.deep_tensor import open_model
from dponnx.runtime.errors import InputError
from random_model import random_model, random_system
from tolerances import FINITE_DIFFERENCE

CLASSES = {"dipole": "DeepDipole", "polar": "DeepPolar", "dos": "DeepDOS"}
WIDTHS = {"dipole": 3, "polar": 9, "dos": 5}
TWO = {"sel": [20, 20], "type_one_side": False}
ONE = {"sel": [20, 20], "type_one_side": True}
# name: (descriptor, fitting), of two types
MODELS = {
    "dipole, one-sided": (ONE, {"type": "dipole"}),
    "dipole, two-sided": (TWO, {"type": "dipole"}),
    "dipole of the second type only": (ONE, {"type": "dipole"}),
    "polar, one-sided": (ONE, {"type": "polar"}),
    "polar, two-sided": (TWO, {"type": "polar"}),
    "polar, full matrix": (ONE, {"type": "polar", "fit_diag": False}),
    "polar of the second type only": (ONE, {"type": "polar"}),
    "dos, one-sided": (ONE, {"type": "dos", "numb_dos": 5}),
    "dos, two-sided": (TWO, {"type": "dos", "numb_dos": 5}),
}
FRAMES = 2


def peer(path, kind: str):
    """deepmd.infer's class on a frozen graph."""
    module = import_module(f"deepmd.infer.deep_{kind}")
    return getattr(module, CLASSES[kind])(str(path))


def everything(model, coord, box, atype) -> list[np.ndarray]:
    """Every number a model gives, derivatives and parts of the atoms included."""
    if not hasattr(model, "eval_full"):
        return list(model.eval(coord, box, atype, atomic=True))
    parts = [model.eval(coord, box, atype), model.eval(coord, box, atype, atomic=False)]
    return [*model.eval_full(coord, box, atype, atomic=True), *parts]


def set_constants(path) -> None:
    """What a trained polar model adds to the diagonal of each type: zeros in a random one."""
    from tensorflow import make_tensor_proto
    from tensorflow.compat.v1 import GraphDef

    graph_def = GraphDef.FromString(path.read_bytes())
    nodes = {n.name: n for n in graph_def.node}
    repeated = nodes[nodes["Repeat_1/ExpandDims"].input[0]].input[0]
    for k, name in enumerate(("fitting_attr/t_constant_matrix", repeated), start=1):
        value = nodes[name].attr["value"].tensor
        values = np.array([0.3, -0.7]) * k
        value.CopyFrom(make_tensor_proto(values[: value.tensor_shape.dim[0].size]))
    path.write_bytes(graph_def.SerializeToString())


def only_second_type(monkeypatch) -> None:
    """DeePMD-kit's conversion forgets the selected types: remind it."""
    from deepmd.tf.fit.dipole import DipoleFittingSeA
    from deepmd.tf.fit.polar import PolarFittingSeA

    def reminded(original):
        return lambda self, *a, **k: original(self, *a, **{**k, "sel_type": [1]})

    for kind in (DipoleFittingSeA, PolarFittingSeA):
        monkeypatch.setattr(kind, "__init__", reminded(kind.__init__))


@pytest.fixture(scope="module", params=MODELS)
def case(request, deepmd, converter, tmp_path_factory):
    """(kind, frozen graph, (coord, box, atype) of two frames, the original's results)."""
    descriptor, fitting = MODELS[request.param]
    shape = {"type": "se_e2_a", "neuron": [4, 8, 8], "axis_neuron": 3}
    path = tmp_path_factory.mktemp("second" if "second" in request.param else "tensor") / "graph.pb"
    with pytest.MonkeyPatch.context() as monkeypatch:
        if "second type only" in request.param:
            only_second_type(monkeypatch)
        random_model(path, 2, {**shape, **descriptor}, fitting, seed=3)
    if fitting["type"] == "polar":
        set_constants(path)
    coord, box, atype = random_system(2, 30, 3)
    moved = coord + 0.02 * np.random.default_rng(1).normal(size=coord.shape)
    system = np.stack([coord, moved]), np.stack([box, box]), atype
    return fitting["type"], path, system, everything(peer(path, fitting["type"]), *system)


def assert_equal(found, expected) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(theirs).max() > 1e-4
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


def test_compressed_outputs_equal_the_original(case, tmp_path):
    kind, path, system, expected = case
    report = compress(path, tmp_path / "c.pb")
    # Some polar models pick the atoms of one type out of a flattened descriptor.
    assert kind == "polar" or report.not_fused == []
    ours = getattr(dponnx, CLASSES[kind])(report.onnx)
    assert_equal(everything(ours, *system), expected)
    assert_equal(everything(peer(report.output, kind), *system), expected)


def test_converted_output_equals_the_original(case, tmp_path):
    kind, path, system, expected = case
    convert(path, tmp_path / "c.onnx")
    model = open_model(tmp_path / "c.onnx")
    if "second" in path.parent.name:
        assert model.info.sel_type == (1,)
    assert type(model).__name__ == CLASSES[kind]
    assert model.info.output_dim == WIDTHS[kind]
    assert_equal(everything(model, *system), expected)


def test_derivatives_against_central_differences(case, tmp_path):
    kind, path, (coord, box, atype), _ = case
    if kind == "dos":
        pytest.skip("a density of states has no derivatives, in DeePMD-kit neither")
    model = getattr(dponnx, CLASSES[kind])(compress(path, tmp_path / "c.pb").onnx)
    coord, box, h = coord[0], box[0], 1e-5
    _, force, virial = model.eval_full(coord[None], box[None], atype)

    def slope(move, box_move) -> np.ndarray:
        moved = np.stack([coord + move, coord - move])
        high, low = model.eval(moved, np.stack([box + box_move, box - box_move]), atype, False)
        return (high - low) / (2 * h)

    for atom, axis in ((0, 0), (7, 1), (29, 2)):
        move = np.zeros_like(coord)
        move[atom, axis] = h
        expected = -slope(move, 0 * box)
        np.testing.assert_allclose(force[0, :, atom, axis], expected, **FINITE_DIFFERENCE)
    for i, j in np.ndindex(3, 3):
        strain = np.zeros((3, 3))
        strain[i, j] = h
        expected = -slope(coord @ strain, box @ strain)  # x_j += x_i strain_ij
        np.testing.assert_allclose(virial[0, :, 3 * j + i], expected, **FINITE_DIFFERENCE)


def test_atom_virials_add_up_and_virtual_atoms_have_zeros(case, tmp_path):
    kind, path, (coord, box, atype), _ = case
    convert(path, tmp_path / "c.onnx")
    model = open_model(tmp_path / "c.onnx")
    some = atype.copy()
    some[4] = -1
    if kind == "dos":
        total, parts = model.eval(coord, box, some, atomic=True)
    else:
        total, force, virial, parts, atom_virial = model.eval_full(coord, box, some, atomic=True)
        assert (force[:, :, 4] == 0).all()
        np.testing.assert_allclose(atom_virial.sum(axis=2), virial, rtol=1e-11, atol=1e-12)
    assert (parts[:, 4] == 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), total, rtol=1e-12, atol=1e-12)
    if kind != "dos":
        excluded = ~np.isin(some, model.get_sel_type())
        assert (parts[:, excluded] == 0).all()


def test_the_wrong_class_names_the_right_one(case, tmp_path):
    kind, path, _, _ = case
    convert(path, tmp_path / "c.onnx")
    with pytest.raises(InputError, match=f"model type is '{kind}'.*dponnx.{CLASSES[kind]}$"):
        DeepPot(tmp_path / "c.onnx")

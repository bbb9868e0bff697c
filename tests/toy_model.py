# SPDX-License-Identifier: LGPL-3.0-or-later
"""A pair potential that keeps the model contract with standard operators, and its NumPy oracle.

    E = 1/2 sum_ij c_i c_j (1 - r_ij^2/rcut^2)^2 + sum(fparam) + sum_i sum(aparam_i)^2,  r_ij < rcut

with c = (1, 1.5) by type: smooth at rcut, and wrong atom order or a lost ghost changes it.
"""

from __future__ import annotations

import itertools

import numpy as np

RCUT = 3.0
CHARGE = np.array([1.0, 1.5])


def toy_model(dfparam: int = 0, daparam: int = 0, scale: float = 1.0, **props: str) -> bytes:
    """Serialized ONNX model. scale multiplies the energy; props replace metadata entries."""
    from onnx import TensorProto, helper, numpy_helper

    f64, i32, i64 = TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64
    nodes, constants = [], []

    def const(name: str, value: object, dtype: type) -> str:
        constants.append(numpy_helper.from_array(np.array(value, dtype=dtype), name))
        return name

    def op(kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    for name, value in dict(zero=0.0, one=1.0, half=0.5, rc2=RCUT**2, unit=scale).items():
        const(name, value, np.float64)
    for name, value in dict(i0=[0], i1=[1], i2=[2], last=[-1], huge=[2**62]).items():
        const(name, value, np.int64)
    const("charges", CHARGE, np.float64)
    const("minus_one", -1, np.int32)
    const("no_row", 0, np.int32)
    const("shape9", [-1, 9], np.int64)
    const("shape3", [-1, 3], np.int64)
    const("shape1", [-1, 1], np.int64)
    const("factor", 4.0 / RCUT**2, np.float64)

    op("Greater", ["nlist", "minus_one"], "real")
    op("Cast", ["real"], "mask", to=f64)
    op("Max", ["nlist", "no_row"], "j")
    op("Shape", ["nlist"], "nlist_shape")
    op("Slice", ["nlist_shape", "i0", "i1"], "nloc")
    op("Slice", ["coord", "i0", "nloc"], "local")
    op("Unsqueeze", ["local", "i1"], "xi")
    op("Gather", ["coord", "j"], "xj")
    op("Sub", ["xj", "xi"], "d")
    op("Mul", ["d", "d"], "dd")
    op("ReduceSum", ["dd", "last"], "r2", keepdims=0)
    op("Div", ["r2", "rc2"], "r2n")
    op("Sub", ["one", "r2n"], "u_raw")
    op("Max", ["u_raw", "zero"], "u_all")
    op("Mul", ["u_all", "mask"], "u")
    op("Gather", ["charges", "atype"], "c_all")
    op("Slice", ["c_all", "i0", "nloc"], "ci_flat")
    op("Unsqueeze", ["ci_flat", "i1"], "ci")
    op("Gather", ["c_all", "j"], "cj")
    op("Mul", ["ci", "cj"], "cc_raw")
    op("Mul", ["cc_raw", "unit"], "cc")
    op("Mul", ["u", "u"], "u2")
    op("Mul", ["u2", "cc"], "pair")
    op("Mul", ["pair", "half"], "half_pair")
    op("ReduceSum", ["half_pair", "last"], "pair_energy", keepdims=0)
    energies = ["pair_energy"]
    if daparam:
        op("Mul", ["aparam", "aparam"], "aparam2")
        energies.append(op("ReduceSum", ["aparam2", "last"], "aparam_energy", keepdims=0))
    op("Sum", energies, "atom_energy")
    op("ReduceSum", ["atom_energy", "i0"], "sum_energy", keepdims=1)
    totals = ["sum_energy"]
    if dfparam:
        totals.append(op("ReduceSum", ["fparam", "i0"], "fparam_energy", keepdims=1))
    op("Sum", totals, "energy")
    # -dE_i/dd, the force on j from atom i: (u cc) (2/rc2) d, both directions listed.
    op("Mul", ["u", "cc"], "ucc")
    op("Mul", ["ucc", "factor"], "ucc_factor")
    op("Mul", ["ucc_factor", "half"], "slope")
    op("Unsqueeze", ["slope", "last"], "slope1")
    op("Mul", ["slope1", "d"], "fj")
    op("Reshape", ["fj", "shape3"], "fj_rows")
    op("Reshape", ["j", "shape1"], "j_rows32")
    op("Cast", ["j_rows32"], "j_rows", to=i64)
    op("Sub", ["coord", "coord"], "no_force")
    op("ScatterND", ["no_force", "j_rows", "fj_rows"], "force_j", reduction="add")
    op("ReduceSum", ["fj", "i1"], "fi", keepdims=0)
    op("Shape", ["coord"], "coord_shape")
    op("Slice", ["coord_shape", "i0", "i1"], "nall")
    op("Sub", ["nall", "nloc"], "nghost")
    const("pad_left", [0, 0], np.int64)
    op("Concat", ["pad_left", "nghost", "i0"], "pads", axis=0)
    op("Pad", ["fi", "pads"], "force_i")
    op("Sub", ["force_j", "force_i"], "force")
    # Virial: sum of d (x) f_j, credited to j.
    op("Unsqueeze", ["d", "last"], "d_column")
    op("Unsqueeze", ["fj", "i2"], "f_row")
    op("Mul", ["d_column", "f_row"], "df")
    op("Reshape", ["df", "shape9"], "df_rows")
    op("Concat", ["no_force", "no_force", "no_force"], "no_virial", axis=1)
    op("ScatterND", ["no_virial", "j_rows", "df_rows"], "all_virial", reduction="add")
    op("ReduceSum", ["all_virial", "i0"], "virial", keepdims=0)
    op("Cast", ["want_atom_virial"], "want", to=i64)
    op("Mul", ["want", "huge"], "end")
    op("Slice", ["all_virial", "i0", "end"], "atom_virial")

    info = helper.make_tensor_value_info
    inputs = [
        info("coord", f64, ["nall", 3]),
        info("atype", i32, ["nall"]),
        info("natoms", i32, [4]),
        info("nlist", i32, ["nloc", "nnei"]),
    ]
    if dfparam:
        inputs.append(info("fparam", f64, [dfparam]))
    if daparam:
        inputs.append(info("aparam", f64, ["nloc", daparam]))
    inputs.append(info("want_atom_virial", TensorProto.BOOL, [1]))
    constants.append(numpy_helper.from_array(np.array([False]), "want_atom_virial"))
    outputs = [
        info("energy", f64, [1]),
        info("atom_energy", f64, ["nloc"]),
        info("force", f64, ["nall", 3]),
        info("virial", f64, [9]),
        info("atom_virial", f64, ["nvirial", 9]),
    ]
    graph = helper.make_graph(nodes, "toy", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    entries = {
        "format": "dponnx-1",
        "type_map": "O H",
        "rcut": repr(RCUT),
        "sel": "30 30",
        "model_type": "ener",
        "dfparam": str(dfparam),
        "daparam": str(daparam),
        "precision": "float64",
        "compressed": "false",
        "training_script": '{"model": {}}',
    }
    entries |= props
    helper.set_model_props(model, {k: v for k, v in entries.items() if v is not None})
    return model.SerializeToString()


def toy_energy(coord: np.ndarray, cell: np.ndarray | None, atype: np.ndarray) -> float:
    """The pair energy by brute force over images, eV. Virtual atoms (type < 0) are ignored."""
    real = atype >= 0
    return float(toy_atom_energies(coord[real], cell, atype[real]).sum())


def toy_atom_energies(coord: np.ndarray, cell: np.ndarray | None, atype: np.ndarray) -> np.ndarray:
    """Each atom's half of its pairs' energies (natoms,)."""
    charge = CHARGE[atype]
    shifts = images(cell, RCUT, coord)
    d = coord[None, :, None] + shifts[None, None] - coord[:, None, None]
    r2 = (d**2).sum(-1)
    u = np.where((r2 > 0) & (r2 < RCUT**2), 1 - r2 / RCUT**2, 0.0)
    return 0.5 * (u**2 * (charge[:, None] * charge)[..., None]).sum(axis=(1, 2))


def images(cell: np.ndarray | None, rcut: float, coord: np.ndarray) -> np.ndarray:
    """Lattice translations (n, 3) that can bring one of coord within rcut of another."""
    if cell is None:
        return np.zeros((1, 3))
    inverse = np.linalg.inv(cell)
    spread = np.ptp(coord @ inverse, axis=0) if len(coord) else np.zeros(3)
    reach = np.ceil(rcut * np.linalg.norm(inverse, axis=0) + spread).astype(int)
    return np.array(list(itertools.product(*(range(-k, k + 1) for k in reach)))) @ cell

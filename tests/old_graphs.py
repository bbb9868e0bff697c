# SPDX-License-Identifier: LGPL-3.0-or-later
"""Old graphs that nobody kept, made from those in shared/legacy: what was frozen, not how."""

from __future__ import annotations

from pathlib import Path

from dponnx.converter.tensorflow_quiet import tensorflow
from dponnx.converter.upgrade_graph import rename

# Names in shared/legacy, and the releases that froze them.
RELEASES = {
    "sea_012": "0.12",
    "water_se_a_v12": "1.2",
    "water_se_r_v12": "1.2",
    "water_se_a_v13": "1.3",
    "water_se_r_v13": "1.3",
    "deeppot_v13_2021": "1.3",
}
PLACEHOLDERS = ("t_coord", "t_type", "t_natoms", "t_box", "t_mesh")
OUTPUTS = ("o_energy", "o_force", "o_virial", "o_atom_energy", "o_atom_virial")


def load(path: Path):
    """The GraphDef in a file."""
    graph_def = tensorflow().compat.v1.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    return graph_def


def node(graph_def, name: str):
    """The one node of that name."""
    (found,) = (n for n in graph_def.node if n.name == name)
    return found


def without(graph_def, *names: str):
    """The graph without these nodes."""
    result = type(graph_def)()
    result.node.extend(n for n in graph_def.node if n.name not in names)
    return result


def without_type(graph_def):
    """The graph as 1.2 and before wrote it: DeePMD-kit's operators have no attribute T."""
    for n in graph_def.node:
        if n.op.startswith(("Descrpt", "ProdForce", "ProdVirial")):
            n.attr.pop("T", None)
    return graph_def


def float32_build(graph_def):
    """The graph as the float32 build wrote it: float32, but energies summed in float64."""
    tf = tensorflow()
    single, double = tf.float32.as_datatype_enum, tf.float64.as_datatype_enum
    for n in graph_def.node:
        for value in n.attr.values():
            if value.type == double:
                value.type = single
            if value.HasField("tensor") and value.tensor.dtype == double:
                array = tf.make_ndarray(value.tensor).astype("float32")
                value.tensor.CopyFrom(tf.make_tensor_proto(array))
    energy = node(graph_def, "o_energy")
    energy.attr["T"].type = double
    cast = graph_def.node.add(name="Cast", op="Cast", input=[energy.input[0]])
    cast.attr["SrcT"].type, cast.attr["DstT"].type = single, double
    energy.input[0] = "Cast"
    return graph_def


def se_ar(a, r):
    """The sum of an se_a and an se_r model under the names that descriptor se_ar of 1.2 gave."""
    suffixed = ("filter_type_", "descrpt_attr/", "o_rmat", "o_rij", "o_nlist")
    names = {}
    for n in a.node:
        scope, slash, rest = n.name.partition("/")
        if n.name.startswith(suffixed):
            names[n.name] = f"{scope}_a{slash}{rest}"
        elif n.name not in PLACEHOLDERS and not n.op.startswith(("Descrpt", "Prod")):
            names[n.name] = f"part_a/{n.name}"
    rename(a, names)
    rename(r, {name: f"part_r/{name}" for name in OUTPUTS})
    pruned = ("descrpt_attr_a/rcut", "descrpt_attr_a/ntypes", *PLACEHOLDERS)
    r.node.extend(n for n in a.node if n.name not in pruned and "_attr/" not in n.name)
    for name in OUTPUTS:
        add = r.node.add(name=name, op="Add", input=[f"part_a/{name}", f"part_r/{name}"])
        add.attr["T"].type = tensorflow().float64.as_datatype_enum
    return r

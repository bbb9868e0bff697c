# SPDX-License-Identifier: LGPL-3.0-or-later
"""The step from DeePMD-kit 0.12 to 1.0, which gave most things their names of today."""

from __future__ import annotations

import re

import numpy as np

from .tensorflow_quiet import tensorflow
from .upgrade_graph import (
    add_constant,
    change_operators,
    constant,
    parameters,
    rename,
    split,
    under,
)

OPERATORS = {
    "DescrptNorot": "DescrptSeA",
    "ProdForceNorot": "ProdForceSeA",
    "ProdVirialNorot": "ProdVirialSeA",
}
NAMES = {
    "t_rcut": "descrpt_attr/rcut",
    "t_ntypes": "descrpt_attr/ntypes",
    "t_avg": "descrpt_attr/t_avg",
    "t_std": "descrpt_attr/t_std",
    "energy_test": "o_energy",
    "force_test": "o_force",
    "virial_test": "o_virial",
    "atom_energy_test": "o_atom_energy",
    "atom_virial_test": "o_atom_virial",
}
NET_SCOPE = re.compile(r"(^|/)DS_layer_type_(?=\d+(/|$))")
LAST_LAYER = re.compile(r"final_layer_type_\d+/")


def from_012(graph_def) -> list[str]:
    """0.12 -> 1.0: operators, outputs, constants and nets get the names they have since."""
    done = change_operators(graph_def, OPERATORS)
    names = under(graph_def, NAMES)
    for node in graph_def.node:
        if NET_SCOPE.search(node.name):
            names[node.name] = NET_SCOPE.sub(r"\1filter_type_", node.name)
    done.append(f"{rename(graph_def, names)} nodes renamed")
    done.append(_free_frames(graph_def))
    done.append(add_constant(graph_def, "fitting_attr/dfparam", parameters(graph_def, "t_fparam")))
    return done


def _free_frames(graph_def) -> str:
    """0.12 shaped the energies of a type as [1, atoms]: one frame. [-1, atoms] takes any number."""
    nodes = {n.name: n for n in graph_def.node}
    readers: dict[str, int] = {}
    for node in graph_def.node:
        for reference in node.input:
            readers[split(reference)[1]] = readers.get(split(reference)[1], 0) + 1
    count = 0
    for node in graph_def.node:
        if node.op != "Reshape" or len(node.input) != 2 or not LAST_LAYER.match(node.input[0]):
            continue
        shape = nodes.get(split(node.input[1])[1])
        if shape is None or shape.op != "Pack" or len(shape.input) != 2:
            continue
        frames = split(shape.input[0])[1]
        value = constant(graph_def, frames)
        if isinstance(value, np.ndarray) and value.tolist() == 1 and readers[frames] == 1:
            tensor = tensorflow().make_tensor_proto(-1, dtype=value.dtype, shape=value.shape)
            nodes[frames].attr["value"].tensor.CopyFrom(tensor)
            count += 1
    return f"{count} shapes freed from one frame" if count else ""

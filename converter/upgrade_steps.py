# SPDX-License-Identifier: LGPL-3.0-or-later
"""The steps from one release's graphs to the next, from 1.0 on (before: upgrade_012.py).

Each changes a GraphDef in place and returns what it did, one phrase a change.
"""

from __future__ import annotations

import re

import numpy as np

from ..runtime.errors import InputError
from .tensorflow_quiet import tensorflow
from .upgrade_detect import MODEL_VERSION, RENAMED, lacks_type
from .upgrade_graph import add_constant, change_operators, constant, parameters, redirect

OPS_13 = RENAMED | {"TabInter": "PairTab"}
OPS_20 = {
    "TabulateFusion": "TabulateFusionSeA",
    "TabulateFusionGrad": "TabulateFusionSeAGrad",
    "TabulateFusionGradGrad": "TabulateFusionSeAGradGrad",
}
# Outputs of the environment matrix that 1.3 made readable by name, without their suffix.
IDENTITIES = {":1": "o_rmat_deriv", ":2": "o_rij", ":3": "o_nlist"}
STATISTICS = re.compile(r"descrpt_attr(?P<suffix>\w*)/t_avg")


def from_10(graph_def) -> list[str]:
    """1.0 -> 1.1: fitting_attr/daparam, the type map and the kind of model are always there."""
    done = [add_constant(graph_def, "model_attr/tmap", "")]
    names = {n.name for n in graph_def.node}
    kinds = {"ener": "o_energy", "dipole": "o_dipole", "polar": "o_polar", "wfc": "o_wfc"}
    kind = next((kind for kind, output in kinds.items() if output in names), None)
    if kind is not None:
        done.append(add_constant(graph_def, "model_attr/model_type", kind))
    if "fitting_attr/dfparam" in names:
        aparam = parameters(graph_def, "t_aparam")
        done.append(add_constant(graph_def, "fitting_attr/daparam", aparam))
    return done


def from_12(graph_def) -> list[str]:
    """1.2 -> 1.3: operators say their real type T, which 1.2 fixed when it was compiled."""
    nodes = [n for n in graph_def.node if lacks_type(n)]
    if not nodes:
        return []
    kind = _real_type(graph_def)
    for node in nodes:
        node.attr["T"].type = kind
    return [f"T = {tensorflow().as_dtype(kind).name} added to {len(nodes)} operators"]


def from_13(graph_def) -> list[str]:
    """1.3 -> 2.0: DescrptSe* are ProdEnvMat*; their outputs are readable by name."""
    done = change_operators(graph_def, OPS_13)
    for node in [n for n in graph_def.node if n.op in RENAMED.values()]:
        done.append(_name_outputs(graph_def, node))
    done.append(_widen_cutoff(graph_def))
    done.append(add_constant(graph_def, MODEL_VERSION, "1.0"))
    return done


def from_20(graph_def) -> list[str]:
    """2.0 -> 2.1: tables say which descriptor they serve; model_version becomes 1.1."""
    done = change_operators(graph_def, OPS_20)
    add_constant(graph_def, MODEL_VERSION, "1.1")  # before the release 2.0 there was none
    for node in graph_def.node:
        if node.name == MODEL_VERSION:
            node.attr["value"].tensor.string_val[:] = [b"1.1"]
    return [*done, f"{MODEL_VERSION} = '1.1'"]


def _real_type(graph_def) -> int:
    """The one real type of a graph of 1.2: that of its coordinates and of its statistics."""
    tf = tensorflow()
    found = {}
    for node in graph_def.node:
        placeholder = node.op == "Placeholder" and node.name == "t_coord"
        statistic = node.op == "Const" and STATISTICS.fullmatch(node.name)
        if (placeholder or statistic) and "dtype" in node.attr:
            found[node.name] = node.attr["dtype"].type
    kinds = set(found.values())
    if len(kinds) != 1 or not kinds <= {tf.float32.as_datatype_enum, tf.float64.as_datatype_enum}:
        told = ", ".join(f"{n} {_type_name(k)}" for n, k in found.items()) or "neither is there"
        raise InputError(
            "the precision of its operators is not clear: t_coord and descrpt_attr/t_avg should "
            f"both be float32 or both float64; found {told}"
        )
    return kinds.pop()


def _type_name(kind: int) -> str:
    try:
        return tensorflow().as_dtype(kind).name
    except TypeError:
        return f"type {kind}"


def _name_outputs(graph_def, node) -> str:
    """o_rmat_deriv, o_rij, o_nlist, with the descriptor's suffix, where they are missing."""
    inputs = [STATISTICS.match(i) for i in node.input]
    suffix = next((m["suffix"] for m in inputs if m), "")
    taken = {n.name for n in graph_def.node}
    named = [n.input[0] for n in graph_def.node if n.op == "Identity" and n.input]
    added = []
    for output, name in IDENTITIES.items():
        source, name = node.name + output, name + suffix
        if name in taken or source in named:
            continue
        identity = graph_def.node.add(name=name, op="Identity", input=[source])
        if output == ":3":
            identity.attr["T"].type = tensorflow().int32.as_datatype_enum
        else:
            identity.attr["T"].type = node.attr["T"].type
        redirect(graph_def, source, name, keep=name)
        added.append(name)
    return f"{', '.join(added)} added" if added else ""


def _widen_cutoff(graph_def) -> str:
    """descrpt_attr/rcut covers every descriptor: an se_ar of 1.x gave that of its r part."""
    rcut = constant(graph_def, "descrpt_attr/rcut")
    keys = {"ProdEnvMatA": "rcut_r", "ProdEnvMatR": "rcut"}
    radii = [n.attr[keys[n.op]].f for n in graph_def.node if n.op in keys and keys[n.op] in n.attr]
    if getattr(rcut, "dtype", None) not in (np.float32, np.float64) or rcut.size != 1 or not radii:
        return ""
    largest = float(str(np.float32(max(radii))))  # the attribute is a float32: 5.8, not 5.80000019
    if not largest > rcut.item() * (1 + 1e-6):
        return ""
    for node in graph_def.node:
        if node.name == "descrpt_attr/rcut":
            proto = tensorflow().make_tensor_proto(largest, dtype=rcut.dtype, shape=rcut.shape)
            node.attr["value"].tensor.CopyFrom(proto)
    return f"descrpt_attr/rcut raised from {rcut.item():g} to {largest:g}, its longest descriptor's"

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Gives the graph our inputs (DESIGN section 4): coord, atype, natoms, nlist.

DeePMD-kit's box and mesh go: whoever calls brings ghosts and a neighbour list. The names
t_coord, t_type, t_natoms keep their meaning, only flattened as coord, atype, natoms.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .frozen_graph import FrozenModel
from .graph import Builder, replace_everywhere
from .shape_rules import ENV_MAT
from .symbols import Dim, Shape, n_of_type, nall, nframes, nloc

DTYPES = {
    "coord": np.float64,
    "atype": np.int32,
    "natoms": np.int32,
    "nlist": np.int32,
    "fparam": np.float64,
    "aparam": np.float64,
}
THEIRS = {
    "t_coord": "coord",
    "t_type": "atype",
    "t_natoms": "natoms",
    "t_fparam": "fparam",
    "t_aparam": "aparam",
}


def shapes(model: FrozenModel) -> dict[str, Shape]:
    """Symbolic shapes of our inputs."""
    rows = nframes * nloc(model.ntypes)
    return {
        "coord": (nframes * nall, 3),
        "atype": (nframes * nall,),
        "natoms": (2 + model.ntypes,),
        "nlist": (rows, Dim({("nnei",): 1})),
        "fparam": (nframes * model.dfparam,),
        "aparam": (rows, model.daparam),
    }


def natoms(ntypes: int) -> np.ndarray:
    """Symbolic entries of the input natoms: nloc, nall, atoms of each type."""
    entries = np.empty(2 + ntypes, dtype=object)
    entries[:] = [nloc(ntypes), nall, *(n_of_type(t) for t in range(ntypes))]
    return entries


def run(graph: gs.Graph, model: FrozenModel) -> int:
    """Returns the number of environment-matrix nodes that were connected."""
    old = {t.name.split(":")[0]: t for t in graph.inputs}
    shape = shapes(model)
    used = {ours for theirs, ours in THEIRS.items() if theirs in old} | {"nlist"}
    new = {n: gs.Variable(n, dtype=np.dtype(DTYPES[n]), shape=shape[n]) for n in DTYPES}
    graph.inputs = [new[n] for n in DTYPES if n in used]
    build = Builder(graph, "inputs")
    for theirs, ours in THEIRS.items():
        if theirs in old:
            replace_everywhere(graph, old[theirs], build.cast(new[ours], old[theirs].dtype))
    env_mats = [n for n in graph.nodes if n.op in ENV_MAT]
    if not env_mats:
        raise ConversionError("no environment matrix in the graph: expected a ProdEnvMat node")
    for node in env_mats:
        real = node.inputs[5].dtype
        node.inputs = [
            build.cast(new["coord"], real),
            new["atype"],
            new["natoms"],
            new["nlist"],
            *node.inputs[5:7],
        ]
    graph.cleanup().toposort()
    return len(env_mats)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Gives the graph our inputs (DESIGN section 4): coord, atype, natoms, nlist.

DeePMD-kit's box and mesh go: whoever calls brings ghosts and a neighbour list. The names
t_coord, t_type, t_natoms keep their meaning, only flattened as coord, atype, natoms.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError
from .graph import Builder, replace_everywhere
from .shape_rules import ENV_MAT
from .symbols import Dim, Shape, n_of_type, nall, nframes, nloc


def shapes(ntypes: int) -> dict[str, Shape]:
    """Symbolic shapes of our inputs."""
    return {
        "coord": (nframes * nall, 3),
        "atype": (nframes * nall,),
        "natoms": (2 + ntypes,),
        "nlist": (nframes * nloc(ntypes), Dim({("nnei",): 1})),
    }


def natoms(ntypes: int) -> np.ndarray:
    """Symbolic entries of the input natoms: nloc, nall, atoms of each type."""
    entries = np.empty(2 + ntypes, dtype=object)
    entries[:] = [nloc(ntypes), nall, *(n_of_type(t) for t in range(ntypes))]
    return entries


def run(graph: gs.Graph, ntypes: int) -> int:
    """Returns the number of environment-matrix nodes that were connected."""
    old = {t.name.split(":")[0]: t for t in graph.inputs}
    shape = shapes(ntypes)
    dtypes = {"coord": np.float64, "atype": np.int32, "natoms": np.int32, "nlist": np.int32}
    new = {n: gs.Variable(n, dtype=np.dtype(d), shape=shape[n]) for n, d in dtypes.items()}
    coord: gs.Tensor = new["coord"]
    if "t_coord" in old and old["t_coord"].dtype != coord.dtype:
        coord = Builder(graph, "inputs").cast(coord, old["t_coord"].dtype)
    env_mats = [n for n in graph.nodes if n.op in ENV_MAT]
    if not env_mats:
        raise ConversionError("no environment matrix in the graph: expected a ProdEnvMat node")
    for node in env_mats:
        davg, dstd = node.inputs[5:7]
        node.inputs = [coord, new["atype"], new["natoms"], new["nlist"], davg, dstd]
    for ours, theirs in (("coord", "t_coord"), ("atype", "t_type"), ("natoms", "t_natoms")):
        if theirs in old:
            replace_everywhere(graph, old[theirs], coord if ours == "coord" else new[ours])
    graph.inputs = list(new.values())
    graph.cleanup().toposort()
    return len(env_mats)

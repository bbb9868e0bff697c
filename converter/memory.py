# SPDX-License-Identifier: LGPL-3.0-or-later
"""How much memory evaluating an atom takes: what the runtime divides its budget by."""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .shape_rules import shape_of
from .symbols import Dim, one_frame, product


def bytes_per_atom(graph: gs.Graph, ntypes: int) -> int:
    """Bytes of all tensors that grow with the local atoms, for an atom of the costliest type:
    an upper bound, as ONNX Runtime uses memory again."""
    totals = [0] * ntypes
    for node in graph.nodes:
        for tensor in node.outputs:
            size = product(one_frame(shape_of(tensor)))
            if isinstance(size, Dim):
                width = np.dtype(tensor.dtype).itemsize
                for t in range(ntypes):
                    totals[t] += width * size.terms.get((f"n_{t}",), 0)
    return max(totals, default=0)

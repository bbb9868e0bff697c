# SPDX-License-Identifier: LGPL-3.0-or-later
"""Takes operators of ours for activations that ONNX Runtime lacks.

Erfc and in float64 Erf (tf.nn.gelu without approximation is x/2 erfc(-x/sqrt(2))), and in float64
Softplus, which overflows there.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from .graph import DOMAIN


def run(graph: gs.Graph) -> int:
    """Returns the number of nodes replaced. Shapes must be known."""
    found = [
        n
        for n in graph.nodes
        if n.op == "Erfc" or (n.op in ("Erf", "Softplus") and n.outputs[0].dtype == np.float64)
    ]
    for node in found:
        node.domain = DOMAIN
    return len(found)

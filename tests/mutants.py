# SPDX-License-Identifier: LGPL-3.0-or-later
"""Damaged copies of a frozen graph, each made from a seed.

The first kinds damage the bytes of the file, the others the graph in it: one to three changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable

# What a hostile number looks like: empty, negative, at the ends of its type, or merely too large.
NUMBERS = (0, -1, 1, 2, 3, 7, 100_000, 2**31 - 1, -(2**31), 2**40, -(2**63), 2**63 - 1)
REALS = (0.0, -1.0, float("nan"), float("inf"), float("-inf"), 1e-300, 1e300, 1e9)


def mutant(data: bytes, seed: int) -> tuple[str, bytes]:
    """The kind of damage, and the damaged file."""
    rng = random.Random(seed)
    kind = rng.choice([*BYTES, *GRAPHS])
    if kind in BYTES:
        return kind, BYTES[kind](rng, bytearray(data))
    from tensorflow.compat.v1 import GraphDef

    graph = GraphDef.FromString(data)
    for _ in range(rng.randint(1, 3)):
        GRAPHS[kind](rng, graph)
    return kind, graph.SerializeToString()


def flip_bits(rng: random.Random, data: bytearray) -> bytes:
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def truncate(rng: random.Random, data: bytearray) -> bytes:
    return bytes(data[: rng.randrange(1, len(data))])


def noise(rng: random.Random, data: bytearray) -> bytes:
    start, n = rng.randrange(len(data)), rng.randint(1, 64)
    data[start : start + n] = rng.randbytes(n)
    return bytes(data)


def cut_out(rng: random.Random, data: bytearray) -> bytes:
    start = rng.randrange(len(data))
    del data[start : start + rng.randint(1, 5000)]
    return bytes(data)


def shuffle_nodes(rng: random.Random, graph) -> None:
    nodes = list(graph.node)
    rng.shuffle(nodes)
    del graph.node[:]
    graph.node.extend(nodes)


def change_shape(rng: random.Random, graph) -> None:
    tensor = _constant(rng, graph).tensor_shape
    if not tensor.dim or rng.random() < 0.2:
        tensor.dim.add(size=rng.choice(NUMBERS))
    elif rng.random() < 0.3:
        del tensor.dim[0]
    elif rng.random() < 0.3:
        sizes = [d.size for d in tensor.dim]
        for d, size in zip(tensor.dim, reversed(sizes), strict=True):
            d.size = size
    else:
        rng.choice(tensor.dim).size = rng.choice(NUMBERS)


def change_dtype(rng: random.Random, graph) -> None:
    node = _constant_node(rng, graph)
    kind = rng.choice([0, 1, 2, 3, 4, 7, 8, 9, 10, 14, 19, 20, 101, 999])
    where = rng.choice(["tensor", "attribute", "both"])
    if where != "attribute":
        node.attr["value"].tensor.dtype = kind
    if where != "tensor":
        node.attr["dtype"].type = kind


def change_values(rng: random.Random, graph) -> None:
    """Other numbers in a constant, or too few."""
    import numpy as np
    import tensorflow as tf

    tensor = _constant(rng, graph)
    if rng.random() < 0.3:
        tensor.tensor_content = tensor.tensor_content[: len(tensor.tensor_content) // 2 + 1]
        return
    try:
        values = tf.make_ndarray(tensor)
    except Exception:  # what an earlier change made unreadable stays so
        return
    if values.dtype == object:
        new = np.array(rng.choice([b"", b"\xff\xfe", b"{}", b"A B C D", b"7.0", b"x\ny"]), object)
    else:
        numbers = REALS if values.dtype.kind == "f" else NUMBERS
        new = values.copy()
        with np.errstate(all="ignore"):
            fill = np.array(rng.choice(numbers)).astype(values.dtype)
        if new.ndim and new.size and rng.random() < 0.5:
            new.flat[rng.randrange(new.size)] = fill
        else:
            new[...] = fill
    tensor.CopyFrom(tf.make_tensor_proto(new, shape=values.shape))


def remove_node(rng: random.Random, graph) -> None:
    del graph.node[rng.randrange(len(graph.node))]


def rename_node(rng: random.Random, graph) -> None:
    names = ["", "a b", "x\ny", "\u00e9/\u00df", "o_atom_energy", rng.choice(graph.node).name]
    rng.choice(graph.node).name = rng.choice(names)


def duplicate_node(rng: random.Random, graph) -> None:
    graph.node.append(rng.choice(graph.node))


def swap_inputs(rng: random.Random, graph) -> None:
    inputs = _used(rng, graph, lambda n: len(n.input) > 1).input
    i, j = rng.sample(range(len(inputs)), 2)
    inputs[i], inputs[j] = inputs[j], inputs[i]


def connect_wrongly(rng: random.Random, graph) -> None:
    """An input that is missing, or another node's output: perhaps of the node itself."""
    inputs = _used(rng, graph, lambda n: len(n.input) > 0).input
    at = rng.randrange(len(inputs))
    if rng.random() < 0.3:
        del inputs[at]
    else:
        names = [rng.choice(graph.node).name, "nobody", "^o_energy", inputs[at] + ":9"]
        inputs[at] = rng.choice(names)


def change_operator(rng: random.Random, graph) -> None:
    ops = ["NoSuchOperator", rng.choice(graph.node).op, "TabulateFusionSeA", "ProdEnvMatR"]
    _used(rng, graph, lambda n: True).op = rng.choice(ops)


def change_attribute(rng: random.Random, graph) -> None:
    own = rng.random() < 0.4  # of the environment matrix: rcut, sel
    chosen = (lambda n: n.op.startswith("Prod")) if own else (lambda n: len(n.attr) > 0)
    node = _used(rng, graph, chosen)
    name = rng.choice(sorted(node.attr)) if node.attr else "T"
    value = node.attr[name]
    kind = value.WhichOneof("value")
    if rng.random() < 0.2:
        del node.attr[name]
    elif kind == "i":
        value.i = rng.choice(NUMBERS)
    elif kind == "f":
        value.f = min(rng.choice(REALS), 3e38)
    elif kind == "b":
        value.b = not value.b
    elif kind == "type":
        value.type = rng.choice([0, 1, 2, 3, 7, 9, 10, 20, 999])
    elif kind == "list" and value.list.i:
        if rng.random() < 0.3:
            del value.list.i[-1]
        else:
            value.list.i[rng.randrange(len(value.list.i))] = rng.choice(NUMBERS)
    else:
        value.i = rng.choice(NUMBERS)


def _constant_node(rng: random.Random, graph):
    """Half of the time one of the few that describe the model."""
    nodes = [n for n in graph.node if n.op == "Const"]
    described = [n for n in nodes if "_attr/" in n.name]
    return rng.choice(described if described and rng.random() < 0.5 else nodes)


def _constant(rng: random.Random, graph):
    return _constant_node(rng, graph).attr["value"].tensor


def _used(rng: random.Random, graph, condition: Callable):
    """A node that satisfies the condition, nine times out of ten none of the force graph's."""
    nodes = [n for n in graph.node if condition(n)]
    forward = [n for n in nodes if not n.name.startswith("gradients")]
    return rng.choice(forward if forward and rng.random() < 0.9 else nodes or list(graph.node))


BYTES: dict[str, Callable] = {f.__name__: f for f in (flip_bits, truncate, noise, cut_out)}
GRAPHS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        shuffle_nodes,
        change_shape,
        change_dtype,
        change_values,
        remove_node,
        rename_node,
        duplicate_node,
        swap_inputs,
        connect_wrongly,
        change_operator,
        change_attribute,
    )
}

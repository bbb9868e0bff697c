# SPDX-License-Identifier: LGPL-3.0-or-later
"""What every upgrade step does to a GraphDef: look, rename with all references, add nodes.

A node is referred to in four ways: "name", "name:1" (an output), "^name" (a control
dependency), and "loc:@name" in the attribute _class (a colocation, which frozen variables have).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ..runtime.errors import InputError
from .tensorflow_quiet import tensorflow

COLOCATED = b"loc:@"


def constant(graph_def, name: str):
    """Value of the constant `name`: array, or str for text; None where there is none."""
    for node in graph_def.node:
        if node.name == name and node.op == "Const" and "value" in node.attr:
            try:
                value = tensorflow().make_ndarray(node.attr["value"].tensor)
                return value.item().decode() if value.dtype == object else value
            except Exception:  # TensorFlow raises whatever a damaged tensor leads to
                return None
    return None


def rename(graph_def, names: Mapping[str, str]) -> int:
    """Renames nodes and every reference to them; the number of nodes renamed."""
    count = 0
    for node in graph_def.node:
        if names.get(node.name, node.name) != node.name:
            node.name = names[node.name]
            count += 1
        for i, reference in enumerate(node.input):
            control, name, output = split(reference)
            if name in names:
                node.input[i] = control + names[name] + output
        if "_class" in node.attr:
            places = node.attr["_class"].list.s
            for i, place in enumerate(places):
                name = place.removeprefix(COLOCATED).decode(errors="replace")
                if place.startswith(COLOCATED) and name in names:
                    places[i] = COLOCATED + names[name].encode()
    return count


def change_operators(graph_def, ops: dict[str, str]) -> list[str]:
    """Operators become others, and nodes named after them follow; what was done."""
    names, done = {}, []
    for node in graph_def.node:
        if node.op in ops:
            scope, slash, name = node.name.rpartition("/")
            number = name.removeprefix(node.op)
            if name.startswith(node.op) and (not number or number.startswith("_")):
                names[node.name] = scope + slash + ops[node.op] + number
            done.append(f"{node.op} is now {ops[node.op]}")
            node.op = ops[node.op]
    rename(graph_def, names)
    return sorted(set(done))


def redirect(graph_def, old: str, new: str, keep: str) -> None:
    """Every input `old` ("name" or "name:1") becomes `new`, except those of the node `keep`."""
    for node in graph_def.node:
        if node.name != keep:
            for i, reference in enumerate(node.input):
                if reference == old:
                    node.input[i] = new


def under(graph_def, scopes: Mapping[str, str]) -> dict[str, str]:
    """New names of the nodes called, or in the scope of, a key: "t_avg/read" with "t_avg"."""
    names = {}
    for node in graph_def.node:
        first, slash, rest = node.name.partition("/")
        if first in scopes:
            names[node.name] = scopes[first] + slash + rest
    return names


def split(reference: str) -> tuple[str, str, str]:
    """ "^a" -> ("^", "a", ""), "a:1" -> ("", "a", ":1")."""
    control = "^" if reference.startswith("^") else ""
    name, colon, output = reference.removeprefix("^").partition(":")
    return control, name, colon + output


def add_constant(graph_def, name: str, value: int | str) -> str:
    """Adds a scalar constant (int32 or text) unless the name is taken; what was done."""
    if any(n.name == name for n in graph_def.node):
        return ""
    tf = tensorflow()
    kind = tf.string if isinstance(value, str) else tf.int32
    node = graph_def.node.add(name=name, op="Const")
    node.attr["dtype"].type = kind.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype=kind, shape=[]))
    return f"{name} = {value!r} added"


def parameters(graph_def, placeholder: str) -> int:
    """Columns of an input (frame or atom parameters), 0 where the graph has no such input."""
    for node in graph_def.node:
        if node.name == placeholder:
            sizes = [d.size for d in node.attr["shape"].shape.dim] if "shape" in node.attr else []
            if not sizes or sizes[-1] < 1:
                raise InputError(f"the width of its input {placeholder} is not in the file")
            return sizes[-1]
    return 0


def check(graph_def, name: str) -> None:
    """InputError if two nodes share a name or a node reads one that is not there."""
    names = Counter(n.name for n in graph_def.node)
    double = next((n for n, count in names.items() if count > 1), None)
    if double is not None:
        raise InputError(f"{name}: two nodes are called {double}; is the file damaged?")
    for node in graph_def.node:
        for reference in node.input:
            if split(reference)[1] not in names:
                raise InputError(
                    f"{name}: node {node.name} reads {reference}, which is not in the graph; "
                    "is the file damaged?"
                )

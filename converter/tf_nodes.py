# SPDX-License-Identifier: LGPL-3.0-or-later
"""Writes TensorFlow NodeDefs: names kept unique, equal small constants written once."""

from __future__ import annotations

import re

import numpy as np

from .tensorflow_quiet import tensorflow

SMALL = 64  # elements; larger constants are not compared


class NodeWriter:
    def __init__(self, versions):
        self.graph_def = tensorflow().compat.v1.GraphDef()
        self.graph_def.versions.CopyFrom(versions)
        self._used: set[str] = set()
        self._constants: dict[tuple, str] = {}

    def copy(self, node):
        """A node of the original, under its own name."""
        self._used.add(node.name)
        copied = self.graph_def.node.add()
        copied.CopyFrom(node)
        del copied.input[:]
        return copied

    def const(self, values: np.ndarray, name: str) -> str:
        values = np.asarray(values)
        key = (values.dtype.str, values.shape, values.tobytes()) if values.size <= SMALL else None
        if key in self._constants:
            return self._constants[key]
        node = self._add("Const", name, [])
        dtype = tensorflow().as_dtype(values.dtype).as_datatype_enum
        node.attr["dtype"].type = dtype
        tensor = node.attr["value"].tensor
        tensor.dtype = dtype
        for size in values.shape:
            tensor.tensor_shape.dim.add(size=size)
        tensor.tensor_content = values.tobytes()
        if key is not None:
            self._constants[key] = node.name
        return node.name

    def op(self, op: str, inputs: list[str], name: str | None = None, **attrs) -> str:
        """One node; attributes that are NumPy types become DataType. Returns the node's name."""
        node = self._add(op, name or op, inputs)
        for key, value in attrs.items():
            _set(node.attr[key], value)
        return node.name

    def binary(self, op: str, a: str, b: str, dtype) -> str:
        return self.op(op, [a, b], T=dtype)

    def _add(self, op: str, name: str, inputs: list[str]):
        base = re.sub(r"[^A-Za-z0-9_.\-/]", "_", name) or op
        if not re.match(r"[A-Za-z0-9.]", base):
            base = f"n{base}"
        unique, k = base, 0
        while unique in self._used:
            k += 1
            unique = f"{base}_{k}"
        self._used.add(unique)
        node = self.graph_def.node.add(name=unique, op=op)
        node.input.extend(inputs)
        return node


def _set(attr, value) -> None:
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        attr.type = tensorflow().as_dtype(np.dtype(value)).as_datatype_enum
    elif isinstance(value, bool):
        attr.b = value
    elif isinstance(value, int):
        attr.i = value
    elif isinstance(value, float):
        attr.f = value
    elif isinstance(value, str):
        attr.s = value.encode()
    else:
        attr.list.i.extend(int(v) for v in value)

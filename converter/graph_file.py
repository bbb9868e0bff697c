# SPDX-License-Identifier: LGPL-3.0-or-later
"""The bytes of a frozen graph, binary (.pb) or text (.pbtxt), and its GraphDef."""

from __future__ import annotations

import re
from pathlib import Path

from ..runtime.errors import InputError
from .tensorflow_quiet import tensorflow

# A text graph begins with one of GraphDef's fields, perhaps after comments.
TEXT = re.compile(rb"(\s*#[^\n]*\n)*\s*(node|library|versions?)\s*[{:]")


def read_bytes(path: Path) -> bytes:
    """What the file holds; InputError where that is nothing or cannot be read."""
    if not path.exists():
        raise InputError(f"{path} does not exist; expected a frozen model (graph.pb)")
    if path.is_dir():
        raise InputError(f"{path} is a directory; expected a frozen model (graph.pb)")
    try:
        data = path.read_bytes()
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}") from e
    if not data:
        raise InputError(f"{path} is empty; expected a frozen model (graph.pb)")
    return data


def is_text(data: bytes) -> bool:
    """Whether these are the bytes of a text graph."""
    return TEXT.match(data) is not None


def parse(data: bytes, path: Path):
    """The GraphDef in `data`, in either form; InputError naming `path` if there is none."""
    graph_def = tensorflow().compat.v1.GraphDef()
    if is_text(data):
        _parse_text(data, path, graph_def)
    else:
        try:
            graph_def.ParseFromString(data)
        except Exception as e:
            raise InputError(f"{path} is not a frozen TensorFlow graph{_guess(data)}") from e
    if not graph_def.node:
        raise InputError(f"{path} is not a frozen TensorFlow graph{_guess(data)}")
    return graph_def


def to_text(graph_def) -> bytes:
    """The same graph as text, every number to its last digit."""
    from google.protobuf import text_format

    return text_format.MessageToString(graph_def).encode()


def _parse_text(data: bytes, path: Path, graph_def) -> None:
    from google.protobuf import text_format

    try:
        text_format.Parse(data.decode(), graph_def)
    except (text_format.ParseError, UnicodeDecodeError) as e:
        raise InputError(f"{path} is not a text graph that can be read: {e}") from e


def _guess(data: bytes) -> str:
    """What the bytes look like instead, for the message."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        if onnx.ModelProto.FromString(data).graph.node:
            return ": it is an ONNX model; give the graph.pb it was made from"
    except DecodeError:
        pass
    return "; expected the graph.pb that dp freeze writes"

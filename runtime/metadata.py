# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a model file says about itself: ONNX `metadata_props`, read without onnx or onnxruntime.

An ONNX file is a protobuf message whose field 14 holds (key, value) pairs. This reader walks the
top-level fields and skips the graph by its length, so a file of gigabytes opens at once.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import InputError, ModelFormatError

FORMAT = "dponnx-1"


@dataclass(frozen=True)
class KeptPart:
    """A sub-model that was converted as it is. name: "descriptor", or "descriptor.1" for the
    second one of a hybrid, "descriptor.1.0" in nested ones; reason: why it has no tables."""

    name: str
    reason: str

    @property
    def line(self) -> str:
        return f"{self.name} stays as it is: {self.reason}"


@dataclass(frozen=True)
class ModelInfo:
    """Checked metadata of one of our models. rcut in angstrom; props holds every raw entry.

    output_dim: components of the quantity; sel_type: types of the atoms that have it; kept:
    sub-models that compressing left as they are.
    """

    name: str
    type_map: tuple[str, ...]
    rcut: float
    sel: tuple[int, ...]
    dim_fparam: int
    dim_aparam: int
    model_type: str
    precision: str
    compressed: bool
    output_dim: int = 1
    sel_type: tuple[int, ...] = ()
    tables: tuple[dict[str, Any], ...] = ()
    kept: tuple[KeptPart, ...] = ()
    props: Mapping[str, str] = field(default_factory=dict)

    @property
    def ntypes(self) -> int:
        """Number of types; 0.12's models have no names for them."""
        return len(self.type_map) or len(self.sel)


class Described:
    """What a model tells of itself by DeePMD-kit's names, from its `info`."""

    info: ModelInfo

    def get_rcut(self) -> float:
        """Cutoff radius in angstrom."""
        return self.info.rcut

    def get_ntypes(self) -> int:
        """Number of atom types."""
        return self.info.ntypes

    def get_type_map(self) -> list[str]:
        """Name of each atom type, in the order of the type indices."""
        return list(self.info.type_map)

    def get_dim_fparam(self) -> int:
        """Number of frame parameters; 0: the model takes none."""
        return self.info.dim_fparam

    def get_dim_aparam(self) -> int:
        """Number of parameters an atom; 0: the model takes none."""
        return self.info.dim_aparam

    def get_sel(self) -> list[int]:
        """Most neighbours of each type that the model regards."""
        return list(self.info.sel)


def read_info(model: str | Path | bytes, name: str | None = None) -> ModelInfo:
    """Metadata of a model file, or of a model in memory (name is used in messages).

    Raises InputError where there is no such file, ModelFormatError where it is not one of ours.
    """
    if isinstance(model, bytes | bytearray | memoryview):
        return parse_info(_read_props(model, name or "model"), name or "model")
    path = checked_path(model)
    if path.stat().st_size == 0:
        raise ModelFormatError(f"{path}: is empty; expected an ONNX model written by dponnx")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return parse_info(_read_props(data, str(path)), str(path))


def checked_path(model: str | Path) -> Path:
    """The path of an existing model file, or InputError saying what is there instead."""
    path = Path(model)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; expected a model file (.onnx)")
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a model written by dponnx compress")
    if path.suffix in (".pb", ".pbtxt"):
        raise InputError(
            f"{path}: is a TensorFlow graph; expected .onnx. Convert it first: "
            f"dponnx convert -i {path.name} -o {path.stem}.onnx"
        )
    return path


def parse_info(props: Mapping[str, str], name: str) -> ModelInfo:
    """Check and convert raw metadata entries. Raises ModelFormatError naming the entry."""
    found = props.get("format")
    if found is None:
        raise ModelFormatError(
            f"{name}: no 'format' entry in its metadata; expected {FORMAT!r}. "
            "Was it written by dponnx compress or dponnx convert?"
        )
    if found != FORMAT:
        raise ModelFormatError(
            f"{name}: format is {found!r}; expected {FORMAT!r}. "
            "Upgrade dponnx, or convert the original graph again"
        )

    def entry(key: str, convert: Any, default: str | None = None) -> Any:
        text = props.get(key, default)
        if text is None:
            raise ModelFormatError(f"{name}: metadata entry {key!r} is missing; convert it again")
        try:
            return convert(text)
        except ValueError:
            raise ModelFormatError(
                f"{name}: metadata entry {key!r} is {text[:60]!r}; convert it again"
            ) from None

    every_type = " ".join(str(t) for t, _ in enumerate(props.get("sel", "").split()))
    return ModelInfo(
        name=name,
        type_map=entry("type_map", lambda text: tuple(text.split())),
        rcut=entry("rcut", float),
        sel=entry("sel", lambda text: tuple(int(word) for word in text.split())),
        dim_fparam=entry("dfparam", int, "0"),
        dim_aparam=entry("daparam", int, "0"),
        model_type=entry("model_type", str, "ener"),
        precision=entry("precision", str, "float64"),
        compressed=entry("compressed", str, "false") == "true",
        output_dim=entry("output_dim", int, "1"),
        sel_type=entry("sel_type", lambda text: tuple(int(t) for t in text.split()), every_type),
        tables=entry("tables", _tables, "[]"),
        kept=entry("kept", _kept_parts, "[]"),
        props=dict(props),
    )


def _tables(text: str) -> tuple[dict[str, Any], ...]:
    """The entries of a JSON list of objects; ValueError if it is none."""
    tables = json.loads(text)
    if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
        raise ValueError
    return tuple(tables)


def _kept_parts(text: str) -> tuple[KeptPart, ...]:
    try:
        return tuple(KeptPart(str(part["name"]), str(part["reason"])) for part in json.loads(text))
    except (TypeError, KeyError) as e:
        raise ValueError("no list of name and reason") from e


def _read_props(data: Any, name: str) -> dict[str, str]:
    """Entries of field 14 of an ONNX ModelProto. Raises ModelFormatError if it is none."""
    try:
        known = False
        props: dict[str, str] = {}
        for number, value in _fields(data, 0, len(data)):
            known |= number in (7, 8)  # graph, opset_import
            if number == 14:
                pair = {k: bytes(data[v[0] : v[1]]) for k, v in _fields(data, *value)}
                props[pair[1].decode()] = pair.get(2, b"").decode()
    except (IndexError, KeyError, ValueError, TypeError):
        known = False
    if not known:
        raise ModelFormatError(
            f"{name}: not an ONNX file, or damaged; expected a model written by dponnx. "
            "Was the copy complete?"
        )
    return props


def _fields(data: Any, start: int, end: int) -> Iterator[tuple[int, Any]]:
    """(number, value) of each protobuf field in data[start:end].

    value: (start, end) of a length-delimited field, an int of a varint, None of a fixed-size one.
    Raises ValueError or IndexError where the bytes are no protobuf message.
    """

    def varint(at: int) -> tuple[int, int]:
        value = 0
        for k in range(10):
            byte = data[at + k]
            value |= (byte & 0x7F) << (7 * k)
            if byte < 0x80:
                return value, at + k + 1
        raise ValueError("varint too long")

    at = start
    while at < end:
        tag, at = varint(at)
        number, wire = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        if wire == 0:
            value, at = varint(at)
            yield number, value
        elif wire == 2:
            length, at = varint(at)
            if at + length > end:
                raise ValueError("truncated")
            yield number, (at, at + length)
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            yield number, None
        else:
            raise ValueError("unknown wire type")
    if at != end:
        raise ValueError("truncated")

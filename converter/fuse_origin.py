# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which part of an environment matrix a tensor is: traced back through Reshape, Slice and Split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx_graphsurgeon as gs

from .fuse_mask import masked_rows
from .shape_rules import ENV_MAT, shape_of
from .symbols import Size, n_of_type, nframes


class NotFused(Exception):
    """Why a part of the graph keeps its plain operators."""


@dataclass(frozen=True)
class Selection:
    """Of the environment matrix (atoms, slots, C): atoms of type center (None: all), neighbour
    slots [begin, end), and of each slot the columns [within)."""

    env_mat: gs.Node
    center: int | None
    begin: int
    end: int
    within: tuple[int, int]

    def first_column(self) -> Selection:
        return replace(self, within=(0, 1))


def columns(env_mat: gs.Node) -> int:
    """C: numbers of a slot."""
    return 4 if env_mat.op == "ProdEnvMatA" else 1


def sel_of(env_mat: gs.Node) -> list[int]:
    return list(env_mat.attrs["sel_a" if env_mat.op == "ProdEnvMatA" else "sel"])


def neighbors_of(part: Selection) -> int:
    """The neighbour type whose slots these are."""
    at = 0
    for t, count in enumerate(sel_of(part.env_mat)):
        if count and (part.begin, part.end) == (at, at + count):
            return t
        at += count
    raise NotFused(f"slots {part.begin} to {part.end} are not those of one type")


def origin(tensor: gs.Tensor, ntypes: int) -> Selection:
    """NotFused if the tensor is anything but such a part; masks of excluded pairs are passed."""
    if not tensor.inputs:
        raise NotFused(f"{tensor.name} does not come from the environment matrix")
    node = tensor.inputs[0]
    if node.op in ENV_MAT and node.outputs[0] is tensor:
        return Selection(node, None, 0, sum(sel_of(node)), (0, columns(node)))
    if node.op in ("Reshape", "Cast"):
        return origin(node.inputs[0], ntypes)
    if node.op == "Mul" and (masked := masked_rows(node, ntypes)) is not None:
        return origin(masked[0], ntypes)
    if node.op not in ("Slice", "Split"):
        raise NotFused(f"{node.name} ({node.op}) stands between environment matrix and table")
    source = origin(node.inputs[0], ntypes)
    axis, begin, end = _cut(node, tensor)
    return _select(source, shape_of(node.inputs[0]), axis, begin, end, node)


def _cut(node: gs.Node, tensor: gs.Tensor) -> tuple[int, Size, Size]:
    """Axis, begin and end of what the node takes."""
    if node.op == "Slice":
        return node.attrs["axis"], node.attrs["begin"], node.attrs["end"]
    begin: Size = 0
    for size, output in zip(node.attrs["sizes"], node.outputs, strict=True):
        if output is tensor:
            return node.attrs["axis"], begin, begin + size
        begin = begin + size
    raise NotFused(f"{tensor.name} is no output of {node.name}")


def _select(
    source: Selection, shape: tuple[Size, ...], axis: int, begin: Size, end: Size, node: gs.Node
) -> Selection:
    """What is left of a selection, laid out as `shape`, after a cut on one axis."""
    width = source.within[1] - source.within[0]
    slots = source.end - source.begin
    last = axis == len(shape) - 1
    constant = isinstance(begin, int) and isinstance(end, int)
    whole = last and constant and shape[axis] == slots * width and width == columns(source.env_mat)
    if whole and begin % width == 0 and end % width == 0:
        at = source.begin
        return replace(source, begin=at + begin // width, end=at + end // width)
    if axis == 1 and constant and shape[1:] == (slots, width):
        at = source.begin
        return replace(source, begin=at + begin, end=at + end)
    if last and constant and shape[axis] == width:
        at = source.within[0]
        return replace(source, within=(at + begin, at + end))
    if axis == 1 and shape[0] == nframes and source.center is None:
        atom = 1 if len(shape) == 3 else slots * width  # columns of one atom, in a frame's row
        first: Size = 0
        for t in range(len(sel_of(source.env_mat))):
            last_one = first + n_of_type(t)
            if (begin, end) == (first * atom, last_one * atom):
                return replace(source, center=t)
            first = last_one
    raise NotFused(f"{node.name} cuts the environment matrix at {begin} to {end} of axis {axis}")

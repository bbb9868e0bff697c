# SPDX-License-Identifier: LGPL-3.0-or-later
"""Environment matrix, tables and the sum over neighbours become one operator, DescriptorSe{A,R,T}.

What is looked for: a ProdEnvMat node whose rows reach nothing but tables, one a pair of types (a
centre's or, one-sided, all centres'), and for each centre one weighted sum of the tables' outputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from .fuse_mask import masked_rows
from .fuse_origin import NotFused, Selection, columns, neighbors_of, origin, sel_of
from .graph import Builder, replace_everywhere
from .grids import cutoffs
from .shape_rules import ENV_MAT, reduced_axes, shape_of
from .symbols import n_of_type, nframes

TABLES = {"TabulateFusionSeA": "A", "TabulateFusionSeR": "R", "TabulateFusionSeT": "T"}


@dataclass(frozen=True)
class Use:
    """A table node, the centres it serves (None: all) and the neighbours' types."""

    node: gs.Node
    center: int | None
    neighbors: tuple[int, ...]


def run(graph: gs.Graph) -> tuple[int, list[str]]:
    """How many environment matrices were replaced, and why others were not."""
    count, reasons = 0, []
    for env_mat in [n for n in graph.nodes if n.op in ENV_MAT]:
        try:
            _fuse(graph, env_mat)
            count += 1
        except NotFused as reason:
            reasons.append(f"{env_mat.name}: {reason}")
        graph.cleanup().toposort()
    return count, reasons


def _fuse(graph: gs.Graph, env_mat: gs.Node) -> None:
    if env_mat.op == "ProdEnvMatAMix":
        raise NotFused("neighbours of all types share its slots")
    uses, mask = _uses(env_mat)
    kind = TABLES[uses[0].node.op]
    sums = {c: _weighted_sum(graph, [u for u in uses if u.center == c]) for c in _centers(uses)}
    ntypes = len(sel_of(env_mat))
    davg, dstd = _statistics(env_mat, kind, ntypes)
    weight = {u.node.name: w for _, weights in sums.values() for u, w in weights}
    real, dtype = env_mat.inputs[4].dtype, uses[0].node.inputs[0].dtype
    grids = [u.node.attrs for u in uses]
    rcut_smth, rcut = cutoffs(env_mat)
    build = Builder(graph, env_mat.name)
    fused = build(
        f"DescriptorSe{kind}",
        *env_mat.inputs[:4],
        davg.astype(real),
        dstd.astype(real),
        np.concatenate([u.node.inputs[0].values for u in uses]),
        np.stack([u.node.inputs[1].values for u in uses]),
        np.array([weight[u.node.name] for u in uses], dtype=dtype),
        rcut=rcut,
        rcut_smth=rcut_smth,
        sel=sel_of(env_mat),
        pairs=_pairs(env_mat, uses, mask),
        tables=[u.node.inputs[0].name.removesuffix("/table") for u in uses],
        last_layer_size=grids[0]["last_layer_size"],
        n_left=[g.get("n_left", 0) for g in grids],
        n_fine=[g["n_fine"] for g in grids],
        n_coarse=[g["n_coarse"] for g in grids],
    )
    parts = _by_center(build, fused, list(sums), ntypes)
    for center, (old, _) in sums.items():
        if shape_of(old) != shape_of(parts[center]):
            raise NotFused(f"{old.name} has shape {shape_of(old)}: not one sum an atom")
    for center, (old, _) in sums.items():
        replace_everywhere(graph, old, parts[center])
    for use in uses:  # dead nodes wait for the garbage collector; gigabytes should not
        use.node.inputs[0].values = np.zeros(0, dtype)


def _uses(env_mat: gs.Node) -> tuple[list[Use], np.ndarray | None]:
    """Every table fed by the environment matrix, and the mask of excluded pairs (ntypes, columns)
    that stands before them all, if one does. NotFused if its rows reach anything else."""
    ntypes, mask = len(sel_of(env_mat)), None
    found: dict[str, gs.Node] = {}
    queue = list(env_mat.outputs[0].outputs)
    while queue:
        node = queue.pop()
        masked = masked_rows(node, ntypes)
        if node.op in TABLES:
            found[node.name] = node
        elif masked is not None and masked[0] is env_mat.outputs[0]:
            if len(env_mat.outputs[0].outputs) != 1:
                raise NotFused(f"{node.name} masks only a part of its rows")
            mask = masked[1]
            queue += node.outputs[0].outputs
        elif node.op in ("Cast", "Reshape", "Slice", "Split", "Einsum"):
            queue += [reader for t in node.outputs for reader in t.outputs]
        else:
            raise NotFused(f"{node.name} ({node.op}) reads its rows; expected tables only")
    if not found:
        raise NotFused("no table reads it")
    if len({(n.op, n.attrs["last_layer_size"]) for n in found.values()}) != 1:
        raise NotFused("its tables differ in kind or width")
    uses = [_use(env_mat, node, ntypes) for node in found.values()]
    pairs = [(u.center, u.neighbors) for u in uses]
    if len(set(pairs)) != len(pairs):
        raise NotFused("two tables for one pair of types")
    if len({u.center is None for u in uses}) != 1:
        raise NotFused("tables of all centres beside tables of one type")
    return sorted(uses, key=lambda u: (-1 if u.center is None else u.center, u.neighbors)), mask


def _use(env_mat: gs.Node, node: gs.Node, ntypes: int) -> Use:
    """Which atoms and neighbours a table node looks at."""
    if node.op == "TabulateFusionSeT":
        parts, x = _factors(node, ntypes), node.inputs[2]
        if not _same_but_reshaped(x, node.inputs[3]):
            raise NotFused(f"{node.name}: its two inputs differ")
    elif node.op == "TabulateFusionSeR":
        parts = [origin(node.inputs[2], ntypes)]
    else:
        parts = [origin(node.inputs[3], ntypes)]
        first = origin(node.inputs[2], ntypes)
        if first != parts[0].first_column():
            raise NotFused(f"{node.name}: em_x is not the first column of em")
    for part in parts:
        expected = columns(env_mat) if node.op != "TabulateFusionSeT" else None
        if part.env_mat is not env_mat or (expected and part.within != (0, expected)):
            raise NotFused(f"{node.name}: reads other columns than its neighbours'")
    neighbors = tuple(neighbors_of(part) for part in parts)
    return Use(node, parts[0].center, neighbors)


def _factors(node: gs.Node, ntypes: int) -> list[Selection]:
    """se_e3: the two tensors R (n, nnei, 3) whose products R_j . R_k the table takes."""
    einsum = node.inputs[3].inputs[0] if node.inputs[3].inputs else None
    if einsum is None or einsum.op != "Einsum" or len(einsum.inputs) != 2:
        raise NotFused(f"{node.name}: expected an Einsum of two environment matrices")
    a, b, out = einsum.attrs["equation"].replace(" ", "").replace("->", ",").split(",")
    if (a[0], a[2]) != (b[0], b[2]) or out != a[:2] + b[1]:
        raise NotFused(f"{einsum.name}: {einsum.attrs['equation']} is no product of neighbours")
    parts = [origin(t, ntypes) for t in einsum.inputs]
    if any(p.within != (1, 4) for p in parts) or parts[0].center != parts[1].center:
        raise NotFused(f"{einsum.name}: expected columns 1 to 3 of neighbours of one centre")
    return parts


def _same_but_reshaped(a: gs.Tensor, b: gs.Tensor) -> bool:
    def source(t: gs.Tensor) -> gs.Tensor:
        while t.inputs and t.inputs[0].op == "Reshape":
            t = t.inputs[0].inputs[0]
        return t

    return source(a) is source(b)


def _centers(uses: list[Use]) -> list[int | None]:
    return list(dict.fromkeys(u.center for u in uses))


def _weighted_sum(graph: gs.Graph, uses: list[Use]) -> tuple[gs.Variable, list[tuple[Use, float]]]:
    """The tensor that is the weighted sum of all the tables' outputs, and the weights.

    se_e2_r sums over neighbours behind the tables: Concat of its types, then the mean.
    """
    sums = {u.node.outputs[0].name: ({u.node.name: 1.0}, u.node.outputs[0]) for u in uses}
    spread = {u.node.outputs[0].name for u in uses if u.node.op == "TabulateFusionSeR"}
    for node in graph.nodes:
        known = [sums.get(t.name) for t in node.inputs]
        if not any(known):
            continue
        found = _combine(node, known, spread)
        if found is None:
            continue
        sums[node.outputs[0].name] = (found, node.outputs[0])
        if node.op == "Concat":
            spread.add(node.outputs[0].name)
    whole = [
        (weights, t) for name, (weights, t) in sums.items()
        if len(weights) == len(uses) and name not in spread
    ]  # fmt: skip
    if not whole:
        raise NotFused(f"no sum over the tables {', '.join(u.node.name for u in uses)}")
    weights, result = whole[-1]
    _check_no_other_reader(sums, result)
    return result, [(u, weights[u.node.name]) for u in uses]


def _combine(node: gs.Node, known: list, spread: set[str]) -> dict[str, float] | None:
    """Weights of a node's output, if it is a weighted sum of tables."""
    if node.op in ("Add", "Sum"):
        terms = [k for k, t in zip(known, node.inputs, strict=True) if k or not _is_zero(t)]
        inside = any(t.name in spread for t in node.inputs)
        return _merged(w for w, _ in terms) if all(terms) and not inside else None
    if node.op == "Concat" and all(known) and node.attrs["axis"] in (1, -2):
        return _merged(w for w, _ in known) if node.inputs[0].name in spread else None
    if node.op in ("Mul", "Div"):
        at = 0 if known[0] else 1
        other = node.inputs[1 - at]
        if (
            isinstance(other, gs.Constant)
            and other.values.size == 1
            and (node.op, at) != ("Div", 1)
        ):
            factor = float(other.values.ravel()[0])
            factor = factor if node.op == "Mul" else 1.0 / factor
            return {name: w * factor for name, w in known[at][0].items()}
    if node.op in ("ReduceMean", "ReduceSum") and node.inputs[0].name in spread:
        shape = shape_of(node.inputs[0])
        if reduced_axes(node, len(shape)) == [1] and not node.attrs.get("keepdims", 1):
            factor = 1.0 if node.op == "ReduceSum" else 1.0 / shape[1]
            return {name: w * factor for name, w in known[0][0].items()}
    return None


def _is_zero(t: gs.Tensor) -> bool:
    """A constant zero: what is left of a neighbour type without slots."""
    return isinstance(t, gs.Constant) and not t.values.any()


def _merged(parts: Iterable[dict[str, float]]) -> dict[str, float] | None:
    """None if a table is in two of the parts."""
    result: dict[str, float] = {}
    for part in parts:
        if result.keys() & part.keys():
            return None
        result |= part
    return result


def _check_no_other_reader(sums: dict, result: gs.Variable) -> None:
    inside = {t.inputs[0].name for _, t in sums.values()}
    for _, t in sums.values():
        for reader in t.outputs:
            if t is not result and reader.name not in inside:
                raise NotFused(f"{reader.name} ({reader.op}) reads a part of the sum")


def _statistics(env_mat: gs.Node, kind: str, ntypes: int) -> tuple[np.ndarray, np.ndarray]:
    """davg, dstd of each pair of types (ntypes, ntypes, C), which all slots must share; 0 and 1
    for types without slots."""
    width, sel = columns(env_mat), sel_of(env_mat)
    result = []
    for tensor, default in zip(env_mat.inputs[4:6], (0.0, 1.0), strict=True):
        if not isinstance(tensor, gs.Constant):
            raise NotFused(f"{tensor.name} is computed")
        slots = tensor.values.reshape(ntypes, sum(sel), width)
        pairs = np.full((ntypes, ntypes, width), default)
        at = 0
        for n, count in enumerate(sel):
            if count:
                pairs[:, n] = slots[:, at]
                if (slots[:, at : at + count] != slots[:, at : at + 1]).any():
                    raise NotFused(f"{tensor.name} differs among the slots of type {n}")
            at += count
        result.append(pairs)
    if kind == "T" and result[0][..., 1:].any():
        raise NotFused("davg is not zero in columns 1 to 3, so empty slots would count")
    return result[0], result[1]


def _pairs(env_mat: gs.Node, uses: list[Use], mask: np.ndarray | None) -> list[int]:
    """Number of the table of each (centre, neighbour, ...), -1 where there is none."""
    ntypes, order = len(sel_of(env_mat)), len(uses[0].neighbors)
    pairs = np.full((ntypes,) * (1 + order), -1, dtype=np.int64)
    for number, use in enumerate(uses):
        pairs[(slice(None) if use.center is None else use.center, *use.neighbors)] = number
    if mask is not None:
        excluded = _excluded(env_mat, mask)
        pairs[excluded if order == 1 else excluded[:, :, None] | excluded[:, None, :]] = -1
    return pairs.ravel().tolist()


def _excluded(env_mat: gs.Node, mask: np.ndarray) -> np.ndarray:
    """(ntypes, ntypes) of centre and neighbour. Excluded rows are zeros, which in se_e2_a and se_e3
    multiply the table's outputs; in se_e2_r they are its inputs."""
    if env_mat.op == "ProdEnvMatR":
        raise NotFused("excluded pairs count in se_e2_r")
    sel = sel_of(env_mat)
    excluded = np.zeros((len(sel), len(sel)), dtype=bool)
    for n, block in enumerate(np.split(mask, 4 * np.cumsum(sel)[:-1], axis=1)):
        if (block != block[:, :1]).any() or not np.isin(block, (0, 1)).all():
            raise NotFused(f"its mask differs among the slots of type {n}")
        excluded[:, n] = block[:, 0] == 0 if sel[n] else False
    return excluded


def _by_center(
    build: Builder, fused: gs.Variable, centers: list[int | None], ntypes: int
) -> dict[int | None, gs.Variable]:
    """The rows of each centre."""
    if centers == [None]:
        return {None: fused}
    rows, *inner = shape_of(fused)
    sizes = [n_of_type(t) for t in range(ntypes)]
    framed = build.reshape(fused, (nframes, sum(sizes[1:], sizes[0]), *inner))
    parts = build.nodes("Split", framed, axis=1, sizes=sizes)
    return {c: build.reshape(parts[c], (nframes * sizes[c], *inner)) for c in centers}

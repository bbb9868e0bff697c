# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reverse-mode differentiation over our graph: dE/d(environment matrix), force, virial.

E is the sum of the atomic energies, or of one component of atomic tensors. The
rules are in gradient_rules.py, one an operator; the same pass serves compressed and
uncompressed graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError, UnsupportedModelError
from .gradient_rules import RULES, Uniform
from .graph import Builder
from .quantity import Quantity
from .shape_rules import DESCRIPTORS, ENV_MAT, shape_of
from .symbols import Shape, nall, nframes


@dataclass(frozen=True)
class Derivatives:
    """Of one component, in the model's precision: force (nframes*nall, 3), virial (9*nframes,),
    atom_virial (nframes*nall, 9)."""

    force: gs.Tensor
    virial: gs.Tensor
    atom_virial: gs.Tensor


def run(graph: gs.Graph, quantity: Quantity) -> int:
    """Replaces the graph's output, the atomic parts of the quantity, by the outputs of
    docs/format.md: sum, atomic parts and, one reverse pass a component, their derivatives.

    Returns the number of nodes added. The only output before holds nframes times as many
    numbers as there are selected atoms and components, components last.
    """
    before = len(graph.nodes)
    (parts,) = graph.outputs
    build = Builder(graph, "outputs")
    parts = build.reshape(parts, (nframes, quantity.rows, quantity.width))
    found = _derivatives(graph, build, parts, quantity) if quantity.has_force else []
    parts = _real64(build, parts)
    total = build("ReduceSum", parts, np.array([1], dtype=np.int64), keepdims=0)
    rows, k = nframes * quantity.rows, quantity.width
    if quantity.is_energy:
        outputs = {
            "energy": build.reshape(total, (nframes,)),
            "atom_energy": build.reshape(parts, (rows,)),
        }
    else:
        outputs = {
            quantity.name: build.reshape(total, (nframes * k,)),
            quantity.atomic: build.reshape(parts, (rows, k)),
        }
    if quantity.is_energy:
        outputs |= {key: getattr(found[0], key) for key in SIZES}
    elif found:
        outputs |= {
            key: _stacked(build, [getattr(d, key) for d in found], sizes)
            for key, sizes in SIZES.items()
        }
    outputs = {name: _real64(build, t) for name, t in outputs.items()}
    graph.outputs = [_named(build, t, name) for name, t in outputs.items()]
    graph.cleanup().toposort()
    return len(graph.nodes) - before


SIZES: dict[str, Shape] = {"force": (nall, 3), "virial": (9,), "atom_virial": (nall, 9)}


def _stacked(build: Builder, components: list[gs.Tensor], sizes: Shape) -> gs.Tensor:
    """(nframes*k, *sizes) from k tensors of nframes times sizes."""
    each = [build.reshape(t, (nframes, 1, *sizes)) for t in components]
    return build.reshape(build("Concat", *each, axis=1), (nframes * len(components), *sizes))


def _derivatives(
    graph: gs.Graph, build: Builder, parts: gs.Tensor, quantity: Quantity
) -> list[Derivatives]:
    """Of the sum of each component of parts (nframes, atoms, width)."""
    want = gs.Constant("want_atom_virial", np.zeros(1, dtype=bool))
    if quantity.width == 1:
        return [_force_and_virial(graph, build, parts, want, "gradient")]
    columns = build.nodes("Split", parts, axis=2, sizes=[1] * quantity.width)
    return [
        _force_and_virial(graph, build, column, want, f"gradient_{c}")
        for c, column in enumerate(columns)
    ]


def _force_and_virial(
    graph: gs.Graph, build: Builder, of: gs.Tensor, want: gs.Tensor, scope: str
) -> Derivatives:
    """Force and virial of the sum of `of`. want: the constant want_atom_virial; scope: of the
    names of the gradient's nodes."""
    sources = [n for n in graph.nodes if n.op in (*ENV_MAT, *DESCRIPTORS)]
    grads = differentiate(graph, of, [n.outputs[0] for n in sources], scope)
    natoms = next(t for t in graph.inputs if t.name == "natoms")
    total: Derivatives | None = None
    for node, grad in zip(sources, grads, strict=True):
        if grad is None:
            raise ConversionError(f"{node.name}: the model's output does not depend on it")
        one = _through(build, node, grad, natoms, want)
        total = one if total is None else _added(build, total, one)
    return total


def _through(
    build: Builder, node: gs.Node, grad: gs.Tensor, natoms: gs.Tensor, want: gs.Tensor
) -> Derivatives:
    """The part that goes through one environment matrix or fused descriptor."""
    if node.op in DESCRIPTORS:
        inputs = [*node.inputs[:9], grad, want]
        return Derivatives(*build.nodes(f"{node.op}Grad", *inputs, **node.attrs))
    _, deriv, rij, nlist = node.outputs[:4]
    kind, sel = "R", {}
    if node.op != "ProdEnvMatR":
        kind, sel = "A", {"n_a_sel": sum(node.attrs["sel_a"]), "n_r_sel": 0}
    force = build(f"ProdForceSe{kind}", grad, deriv, nlist, natoms, **sel)
    virial = build.nodes(f"ProdVirialSe{kind}", grad, deriv, rij, nlist, natoms, want, **sel)
    return Derivatives(force, *virial)


def _added(build: Builder, a: Derivatives, b: Derivatives) -> Derivatives:
    return Derivatives(*(build("Add", getattr(a, key), getattr(b, key)) for key in SIZES))


def differentiate(
    graph: gs.Graph, of: gs.Variable, wrt: list[gs.Variable], scope: str = "gradient"
) -> list[gs.Tensor | None]:
    """d(sum of `of`)/d(each of wrt), of the shapes of wrt; None where `of` does not depend."""
    graph.toposort()
    depends = {t.name for t in wrt}
    for node in graph.nodes:
        real = any(np.dtype(t.dtype).kind == "f" for t in node.outputs)
        if real and any(t.name in depends for t in node.inputs):
            depends.update(t.name for t in node.outputs)
    if of.name not in depends:
        return [None] * len(wrt)
    build = Builder(graph, scope)
    ones = Uniform(build.tensor(np.ones((), of.dtype)), shape_of(of))
    grads: dict[str, object] = {of.name: ones}
    for node in reversed(list(graph.nodes)):
        dy = [grads.get(t.name) for t in node.outputs]
        if not any(t.name in depends for t in node.inputs) or all(d is None for d in dy):
            continue
        if node.op not in RULES:
            raise UnsupportedModelError(
                f"{node.name}: no gradient rule for operator {node.op}; please report it"
            )
        needed = [t.name in depends for t in node.inputs]
        dx = RULES[node.op](build, node, dy, needed)
        for t, d, wanted in zip(node.inputs, dx, needed, strict=False):
            if not wanted or d is None:
                continue
            if tuple(d.shape) != tuple(shape_of(t)):
                raise ConversionError(
                    f"{node.name} ({node.op}): gradient of {t.name} has shape {d.shape}; "
                    f"expected {shape_of(t)}"
                )
            grads[t.name] = d if t.name not in grads else _sum(build, grads[t.name], d)
    return [_full(build, grads.get(t.name)) for t in wrt]


def _sum(build: Builder, a, b) -> gs.Tensor:
    return build("Add", _full(build, a), _full(build, b))


def _full(build: Builder, grad) -> gs.Tensor | None:
    return grad.full(build) if isinstance(grad, Uniform) else grad


def _real64(build: Builder, t: gs.Tensor) -> gs.Tensor:
    return build.cast(t, np.float64)


def _named(build: Builder, t: gs.Tensor, name: str) -> gs.Variable:
    """The graph output `name`; a tensor that has other readers keeps its own name."""
    if not t.inputs or t.outputs:
        t = build("Identity", t)
    t.name = name
    return t

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reverse-mode differentiation over our graph: dE/d(environment matrix), force, virial.

E is the sum of the atomic energies. The rules are in gradient_rules.py, one an operator;
the same pass serves compressed and uncompressed graphs.
"""

from __future__ import annotations

import numpy as np
import onnx_graphsurgeon as gs

from ..runtime.errors import ConversionError, UnsupportedModelError
from .gradient_rules import RULES, Uniform
from .graph import Builder
from .shape_rules import ENV_MAT, shape_of
from .symbols import product


def run(graph: gs.Graph) -> int:
    """Replaces the graph's output by energy, atom_energy, force, virial, atom_virial.

    Returns the number of nodes added. The only output before is the atomic energies
    (nframes, nloc).
    """
    before = len(graph.nodes)
    (atom_energy,) = graph.outputs
    env_mats = [n for n in graph.nodes if n.op in ENV_MAT]
    grads = differentiate(graph, atom_energy, [n.outputs[0] for n in env_mats])
    build = Builder(graph, "force")
    natoms = next(t for t in graph.inputs if t.name == "natoms")
    want = gs.Constant("want_atom_virial", np.zeros(1, dtype=bool))
    force = virial = atom_virial = None
    for node, grad in zip(env_mats, grads, strict=True):
        _, deriv, rij, nlist = node.outputs
        if grad is None:
            raise ConversionError(f"{node.name}: the energy does not depend on it")
        net_deriv = grad
        kind, sel = "R", {}
        if node.op == "ProdEnvMatA":
            kind, sel = "A", {"n_a_sel": sum(node.attrs["sel_a"]), "n_r_sel": 0}
        one_force = build(f"ProdForceSe{kind}", net_deriv, deriv, nlist, natoms, **sel)
        one_virial, one_atom = build.nodes(
            f"ProdVirialSe{kind}", net_deriv, deriv, rij, nlist, natoms, want, **sel
        )
        force = one_force if force is None else build("Add", force, one_force)
        virial = one_virial if virial is None else build("Add", virial, one_virial)
        atom_virial = one_atom if atom_virial is None else build("Add", atom_virial, one_atom)
    atom_energy = _real64(build, atom_energy)
    energy = build("ReduceSum", atom_energy, np.array([1], dtype=np.int64), keepdims=0)
    outputs = {
        "energy": energy,
        "atom_energy": build.reshape(atom_energy, (product(shape_of(atom_energy)),)),
        "force": _real64(build, force),
        "virial": _real64(build, virial),
        "atom_virial": _real64(build, atom_virial),
    }
    graph.outputs = [_named(graph, build, t, name) for name, t in outputs.items()]
    graph.cleanup().toposort()
    return len(graph.nodes) - before


def differentiate(
    graph: gs.Graph, of: gs.Variable, wrt: list[gs.Variable]
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
    build = Builder(graph, "gradient")
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


def _named(graph: gs.Graph, build: Builder, t: gs.Tensor, name: str) -> gs.Variable:
    """The graph output `name`; a tensor that has other readers keeps its own name."""
    if not t.inputs or t.outputs or t.name in {"energy", "atom_energy"}:
        t = build("Identity", t)
    t.name = name
    return t

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Hypothesis strategies: descriptions of random models, and systems that reach their corners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from random_model import RCUT, random_system

SMOOTH = ("tanh", "gelu", "gelu_tf", "softplus", "sigmoid", "silu", "linear")
SHORTEST = 0.9  # angstrom between two atoms: within the first sub-table


@dataclass(frozen=True)
class ModelSpec:
    """Arguments of random_model."""

    ntypes: int
    descriptor: dict
    fitting: dict
    seed: int


def interact(sel: list[int], excluded: list[list[int]]) -> bool:
    """Whether any pair of types is left: DeePMD-kit cannot freeze a model without forces."""
    types = range(len(sel))
    return any(
        sel[j] and [i, j] not in excluded and [j, i] not in excluded for i in types for j in types
    )


@st.composite
def models(draw) -> ModelSpec:
    """1 to 5 types, any of them without neighbours, widths that are multiples of nothing."""
    ntypes = draw(st.integers(1, 5))
    kind = draw(st.sampled_from(["se_e2_a", "se_e2_a", "se_e2_a", "se_e2_r", "se_e3"]))
    # DeePMD-kit's se_e3 divides by sel, its se_e2_r cannot evaluate a model with a 0 in sel
    least, most = {"se_e2_a": (0, 9), "se_e2_r": (1, 9), "se_e3": (1, 5)}[kind]
    sel = draw(st.lists(st.integers(least, most), min_size=ntypes, max_size=ntypes).filter(any))
    widths = st.lists(st.integers(1, 13), min_size=1, max_size=3)
    neuron = draw(widths)
    activations = st.sampled_from(SMOOTH)
    descriptor = {
        "type": kind,
        "sel": sel,
        "neuron": neuron,
        "activation_function": draw(activations),
        "resnet_dt": draw(st.booleans()),
    }
    if kind == "se_e2_a":
        descriptor["axis_neuron"] = draw(st.integers(1, neuron[-1]))
    if kind != "se_e3":
        # DeePMD-kit cannot write a two-sided se_e2_r without training it
        descriptor["type_one_side"] = kind == "se_e2_r" or draw(st.booleans())
        pair = st.lists(st.integers(0, ntypes - 1), min_size=2, max_size=2)
        descriptor["exclude_types"] = draw(
            st.lists(pair, max_size=2).filter(lambda excluded: interact(sel, excluded))
        )
    fitting = {
        "neuron": draw(widths),
        "activation_function": draw(activations),
        "resnet_dt": draw(st.booleans()),
    }
    return ModelSpec(ntypes, descriptor, fitting, draw(st.integers(0, 10**6)))


def system(name: str, model: ModelSpec, seed: int):
    """coord (n, 3), box (3, 3) or None, atype (n,) of one of SYSTEMS."""
    return SYSTEMS[name](model.ntypes, model.descriptor["sel"], seed)


def _periodic(ntypes, sel, seed):
    n = int(np.random.default_rng(seed).integers(2, 25))
    return random_system(ntypes, n, seed, edge=8.0, shortest=SHORTEST)


# Images of an atom come in pairs at the same distance. Which of them is cut where there are more
# than sel is open; the systems below leave nothing to choose, or only between mirror images.


def _two_and_their_images(ntypes, sel, seed):
    """Of a type with room for all five neighbours, otherwise far apart."""
    box = np.diag([3.3, 11.0, 11.0])
    coord = np.array([[0.1, 0.2, 0.3], [1.2, 1.4, 0.9]])
    coord += np.random.default_rng(seed).uniform(-0.2, 0.2, (2, 3))
    if max(sel) < 5:
        coord[1, 1] += 5.0
    return coord, box, np.full(2, np.argmax(sel))


def _one_among_its_images(ntypes, sel, seed):
    coord, _, atype = random_system(ntypes, 1, seed)
    return coord, np.diag([2.95, 3.1, 3.3]), atype


def _one_atom(ntypes, sel, seed):
    coord, _, atype = random_system(ntypes, 1, seed)
    return coord, None, atype


def _molecule_and_lone_atom(ntypes, sel, seed):
    coord, _, atype = random_system(ntypes, 5, seed, edge=3.5, shortest=SHORTEST)
    coord[-1] += [40.0, 0, 0]
    return coord, None, atype


def _around_one_atom(ntypes, sel, seed, beyond: int):
    """The first atom has sel[t] + beyond neighbours of each type t, at least none."""
    rng = np.random.default_rng(seed)
    wanted = np.repeat(np.arange(ntypes), [n + beyond for n in sel])
    coord = np.zeros((1, 3))
    while len(coord) <= len(wanted):
        new = rng.uniform(-RCUT, RCUT, 3)
        if (
            np.linalg.norm(new) < RCUT - 0.05
            and np.linalg.norm(coord - new, axis=1).min() > SHORTEST
        ):
            coord = np.concatenate([coord, new[None]])
    return coord, None, np.append(rng.integers(0, ntypes), rng.permutation(wanted))


def _exactly_full(ntypes, sel, seed):
    return _around_one_atom(ntypes, sel, seed, 0)


def _more_than_sel(ntypes, sel, seed):
    return _around_one_atom(ntypes, sel, seed, 2)


SYSTEMS = {
    "periodic": _periodic,
    "two atoms and their images": _two_and_their_images,
    "one atom among its images": _one_among_its_images,
    "one atom": _one_atom,
    "a molecule and a lone atom": _molecule_and_lone_atom,
    "sel exactly full": _exactly_full,
    "more neighbours than sel": _more_than_sel,
}

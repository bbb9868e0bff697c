# SPDX-License-Identifier: LGPL-3.0-or-later
"""Sizes known only at run time: polynomials in the numbers of frames and atoms.

Symbols are nframes, nall and n_0, n_1, ... (local atoms of each type); nloc is their sum.
A tensor's shape in the converter's graph is a tuple of int and Dim.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

Monomial = tuple[str, ...]  # sorted symbol names, () for the constant term


class Dim:
    """An integer polynomial, immutable. Arithmetic returns a plain int where it is constant."""

    __slots__ = ("terms",)

    def __init__(self, terms: dict[Monomial, int]):
        self.terms = terms

    def __add__(self, other: Size) -> Size:
        terms = dict(self.terms)
        for m, c in _terms(other).items():
            terms[m] = terms.get(m, 0) + c
        return _reduced(terms)

    def __mul__(self, other: Size) -> Size:
        terms: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            for n, d in _terms(other).items():
                key = tuple(sorted(m + n))
                terms[key] = terms.get(key, 0) + c * d
        return _reduced(terms)

    def __sub__(self, other: Size) -> Size:
        return self + (-1 * other)

    def __rsub__(self, other: Size) -> Size:
        return other + (-1 * self)

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(frozenset(self.terms.items()))

    def __repr__(self) -> str:
        return " + ".join(
            "*".join(([str(c)] if c != 1 or not m else []) + list(m))
            for m, c in sorted(self.terms.items())
        )

    def symbols(self) -> set[str]:
        return {s for m in self.terms for s in m}

    def at(self, values: dict[str, int]) -> int:
        """Its value for these of the symbols; KeyError if one is missing."""
        return sum(c * math.prod(values[s] for s in m) for m, c in self.terms.items())

    def one_frame(self) -> Size:
        """The same size for nframes = 1."""
        terms: dict[Monomial, int] = {}
        for m, c in self.terms.items():
            key = tuple(s for s in m if s != FRAMES)
            terms[key] = terms.get(key, 0) + c
        return _reduced(terms)


Size = int | Dim
Shape = tuple[Size, ...]

FRAMES = "nframes"
nframes = Dim({(FRAMES,): 1})
nall = Dim({("nall",): 1})


def n_of_type(t: int) -> Dim:
    return Dim({(f"n_{t}",): 1})


def nloc(ntypes: int) -> Dim:
    return Dim({(f"n_{t}",): 1 for t in range(ntypes)})


def product(sizes: Iterable[Size]) -> Size:
    result: Size = 1
    for s in sizes:
        result = result * s
    return result


def divide(a: Size, b: Size) -> Size:
    """a / b where that is exact; ValueError otherwise. Long division, leading terms first."""
    divisor = _terms(b)
    if not divisor:
        raise ValueError("division of a size by zero")
    lead = max(divisor, key=_order)
    quotient: dict[Monomial, int] = {}
    rest = dict(_terms(a))
    while rest:
        top = max(rest, key=_order)
        factor = _without(top, lead)
        if factor is None or rest[top] % divisor[lead]:
            raise ValueError(f"size {a!r} is not a multiple of {b!r}")
        c = rest[top] // divisor[lead]
        quotient[factor] = quotient.get(factor, 0) + c
        for m, d in divisor.items():
            key = tuple(sorted(m + factor))
            rest[key] = rest.get(key, 0) - c * d
            if rest[key] == 0:
                del rest[key]
    return _reduced(quotient)


def one_frame(shape: Shape) -> Shape:
    return tuple(s.one_frame() if isinstance(s, Dim) else s for s in shape)


def _order(m: Monomial) -> tuple[int, Monomial]:
    return len(m), m


def _terms(x: Size) -> dict[Monomial, int]:
    if isinstance(x, Dim):
        return x.terms
    return {(): int(x)} if x else {}


def _reduced(terms: dict[Monomial, int]) -> Size:
    terms = {m: c for m, c in terms.items() if c}
    if not terms:
        return 0
    if set(terms) == {()}:
        return terms[()]
    return Dim(terms)


def _without(m: Monomial, factor: Monomial) -> Monomial | None:
    rest = list(m)
    for s in factor:
        if s not in rest:
            return None
        rest.remove(s)
    return tuple(rest)

# SPDX-License-Identifier: LGPL-3.0-or-later
"""Results of bench.py as Markdown tables, put between the marks of docs/performance.md.

A region begins with the line `<!-- bench: NAME -->` and ends with `<!-- end -->`; what stands
between is replaced, everything else is written by hand.
"""

from __future__ import annotations

import re
from pathlib import Path

FORMS = ("original", "dp compress", "plain", "fused", "mixed")
OURS = ("fused", "mixed")


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


class Results:
    """What bench.py measured; find() looks for one number."""

    def __init__(self, data: dict):
        self.data = data

    def find(self, part: str, key: str, **where) -> float | None:
        """The value of key in the record of a part that agrees with `where`, or None."""
        for record in self.data[part]:
            if all(record[k] == v for k, v in where.items()):
                return record.get(key)
        return None

    def models(self) -> list[str]:
        return list(dict.fromkeys(r["model"] for r in self.data["dynamics"]))

    def ratio(self, form: str, other: str, **where) -> float | None:
        """How many times as fast as another form."""
        fast, slow = (
            self.find("dynamics", "katom_step_s", variant=v, **where) for v in (form, other)
        )
        return fast / slow if fast and slow else None


def machine(results: Results) -> str:
    about = results.data["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    peaks = about["gemm_gflop_s"]
    return (
        f"{about['cpu']}, {about['cores']} cores, {peaks['float64']:.0f} GFLOP/s a core in float64 "
        f"and {peaks['float32']:.0f} in float32\nby ONNX Runtime's MatMul; load before and after "
        f"{about['load']} and {about['load_after']}; commit {about['commit']}; {versions}."
    )


def dynamics(results: Results) -> str:
    head = ["model", "ranks", *(f"`{f}`" if f == "dp compress" else f for f in FORMS)]
    head += ["fused / `dp compress`", "mixed / `dp compress`", "fused / original"]
    rows = []
    for model in results.models():
        for ranks in (1, 2):
            where = {"model": model, "atoms": 1536, "ranks": ranks, "threads": 1}
            times = [results.find("dynamics", "us_atom_core", variant=f, **where) for f in FORMS]
            ratios = [results.ratio(f, "dp compress", **where) for f in OURS]
            ratios.append(results.ratio("fused", "original", **where))
            rows.append([model, str(ranks), *map(number, [*times, *ratios])])
    return table(head, rows)


def arithmetic(results: Results) -> str:
    head = ["model", "MFLOP an atom", "form", "katom-step/s", "GFLOP/s", "of the GEMM peak"]
    rows = []
    for model in results.models():
        for form in OURS:
            where = {"variant": form, "model": model, "atoms": 1536, "ranks": 1, "threads": 1}
            rate, gflop, share = (
                results.find("dynamics", key, **where)
                for key in ("katom_step_s", "gflop_s_core", "gemm_share")
            )
            if rate is None:
                continue
            mflop = number(results.data["mflop_atom"][model], 2)
            rows.append([model, mflop, form, number(rate), number(gflop), f"{100 * share:.0f} %"])
    return table(head, rows)


def sizes(results: Results) -> str:
    forms, model = ("dp compress", *OURS), results.models()[0]
    head = ["atoms", *(f"{f}: katom-step/s" for f in forms)]
    head += [f"{f}: two ranks" for f in forms] + [f"{f}: two threads" for f in OURS]
    rows = []
    for atoms in (192, 1536, 12288):

        def rate(form: str, ranks: int, threads: int, atoms: int = atoms) -> float | None:
            return results.find(
                "dynamics", "katom_step_s",
                model=model, variant=form, atoms=atoms, ranks=ranks, threads=threads,
            )  # fmt: skip

        one = {f: rate(f, 1, 1) for f in forms}
        row = [number(one[f]) for f in forms]
        row += [number(rate(f, 2, 1) / one[f], 2) for f in forms]
        row += [number((rate(f, 1, 2) or 0) / one[f] or None, 2) for f in OURS]
        rows.append([str(atoms), *row])
    return table(head, rows)


def memory(results: Results) -> str:
    rows = [
        [r["model"], r["variant"], f"{r['bytes_atom'] / 1e3:.1f} KB"]
        for r in results.data["memory"]
    ]
    return table(["model", "form", "an atom, beyond LAMMPS's own"], rows)


def calls(results: Results) -> str:
    records = results.data["calls"]
    forms = list(dict.fromkeys(r["variant"] for r in records))
    rows = []
    for atoms, api, threads in dict.fromkeys((r["atoms"], r["api"], r["threads"]) for r in records):
        where = {"atoms": atoms, "api": api, "threads": threads}
        times = [results.find("calls", "us_step", variant=f, **where) for f in forms]
        rows.append([str(atoms), api, str(threads), *(number(t, 0) for t in times)])
    return table(["atoms", "called from", "threads", *forms], rows)


def overhead(results: Results) -> str:
    head = ["form", "through", "whole step", "kernels, as in a large block", "the rest"]
    rows = [
        [r["variant"], r["api"], *(number(r[k], 0) for k in ("step_us", "kernels_us", "rest_us"))]
        for r in results.data["overhead"]
    ]
    return table(head, rows)


def stages(results: Results) -> str:
    columns = results.data["stages"]
    head = ["", *(f"{r['model']}, {r['variant']}" for r in columns)]
    rows = [
        [stage, *(number(r["us_atom"][stage]) for r in columns)] for stage in columns[0]["us_atom"]
    ]
    return table(head, rows)


REGIONS = {f.__name__: f for f in (machine, dynamics, arithmetic, sizes, memory, calls, overhead)}
REGIONS["stages"] = stages


def update(page: Path, data: dict) -> None:
    """Puts the tables into a page. Raises ValueError if it has no place for one."""
    text, results = page.read_text(), Results(data)
    for name, make in REGIONS.items():
        pattern = rf"(<!-- bench: {name} -->\n).*?(<!-- end -->)"
        body = make(results)
        text, count = re.subn(
            pattern, lambda m, body=body: f"{m[1]}{body}\n{m[2]}", text, flags=re.S
        )
        if count != 1:
            raise ValueError(f"{page} has {count} regions `bench: {name}`; expected one")
    page.write_text(text)

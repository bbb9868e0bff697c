# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which release of DeePMD-kit froze a graph, told from the operators and constants in it.

| found | by |
|---|---|
| 0.12 | operators *Norot, or the constant t_rcut |
| 1.0 | operators without attribute T; fitting_attr/dfparam, but no fitting_attr/daparam |
| 1.2 | operators without attribute T (1.1 writes the same) |
| 1.3 | attribute T; no model_attr/model_version |
| 2.0 | ProdEnvMat*; model_attr/model_version missing or "1.0" |
| 2.1 | model_attr/model_version "1.1": what 2.1 to 3.2 write and read; nothing to upgrade |
"""

from __future__ import annotations

from dataclasses import dataclass

from ..runtime.errors import InputError, UnsupportedModelError
from .upgrade_graph import constant

CURRENT = "2.1"
MODEL_VERSION = "model_attr/model_version"
NOROT = {"DescrptNorot", "ProdForceNorot", "ProdVirialNorot"}
RENAMED = {"DescrptSeA": "ProdEnvMatA", "DescrptSeR": "ProdEnvMatR"}  # since 2.0

# Operators of 1.x whose reals were fixed when they were compiled, and which have T since 1.3.
COMPILED_REAL = NOROT | set(RENAMED) | {
    "Descrpt", "DescrptSeAEf", "DescrptSeAEfPara", "DescrptSeAEfVert",
    "ProdForce", "ProdForceSeA", "ProdForceSeR",
    "ProdVirial", "ProdVirialSeA", "ProdVirialSeR",
    "SoftMinSwitch", "SoftMinForce", "SoftMinVirial", "TabInter", "MapAparam",
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """version: as in `dp convert-from`, CURRENT where nothing is to do; why: the evidence;
    same: versions whose graphs cannot be told from this one."""

    version: str
    why: str
    same: tuple[str, ...] = ()


def detect(graph_def, name: str = "the graph") -> Found:
    """InputError if no operator is DeePMD-kit's, UnsupportedModelError if it is of the future."""
    ops = {n.op for n in graph_def.node}
    own = sorted(op for op in ops if op.startswith(("Descrpt", "ProdEnvMat")))
    constants = {n.name for n in graph_def.node if n.op == "Const"}
    if ops & NOROT:
        return Found("0.12", f"operator {min(ops & NOROT)}")
    if not own:
        raise InputError(
            f"{name} is a TensorFlow graph but no DeePMD-kit model: it has neither a ProdEnvMat "
            "operator nor, as before 2.0, a Descrpt operator"
        )
    if "t_rcut" in constants:
        return Found("0.12", f"operator {own[0]}, constant t_rcut without descrpt_attr/")
    version = constant(graph_def, MODEL_VERSION)
    if ops & set(RENAMED) or (version is None and own[0].startswith("Descrpt")):
        return _before_2(graph_def, own[0], constants)
    return _since_2(own[0], version, name)


def _before_2(graph_def, op: str, constants: set[str]) -> Found:
    if not any(lacks_type(n) for n in graph_def.node):
        return Found("1.3", f"operator {op} with attribute T")
    why = f"operator {op} without attribute T"
    given = [c for c in ("fitting_attr/dfparam", "fitting_attr/daparam") if c in constants]
    if not given:  # tensor models of any release
        return Found("1.2", why, ("1.0", "1.1"))
    if given == ["fitting_attr/dfparam"]:
        return Found("1.0", f"{why}, constant fitting_attr/dfparam but no fitting_attr/daparam")
    return Found("1.2", f"{why}, constant fitting_attr/daparam", ("1.1",))


def _since_2(op: str, version: object, name: str) -> Found:
    if version is None:
        return Found("2.0", f"operator {op}, no {MODEL_VERSION}")
    why = f"operator {op}, {MODEL_VERSION} {version}"
    if version == "1.0":
        return Found("2.0", why)
    if not str(version).startswith("1."):
        raise UnsupportedModelError(
            f"{name}: {MODEL_VERSION} is {version}; expected 1.x, which DeePMD-kit 2.0 to 3.2 write"
        )
    return Found(CURRENT, why)


def lacks_type(node) -> bool:
    """Whether the node is an operator that should have the attribute T and has not."""
    return node.op in COMPILED_REAL and "T" not in node.attr

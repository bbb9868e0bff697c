# SPDX-License-Identifier: LGPL-3.0-or-later
"""Refuses damaged graphs before anything is computed from them.

What is checked: the constants hold as many numbers as their shapes say; every node that a result
needs is there; the environment matrices' cutoffs, sel and statistics agree with each other and
with the model's cutoff.
"""

from __future__ import annotations

import math

from ..runtime.errors import InputError

LARGEST = 2**31  # bytes of a constant: what a protobuf message can hold
# Types of constants (TensorFlow's numbers) and bytes of an element: half, float, double, ints,
# bool, bfloat16, text. TensorFlow ends the process on constants of some others.
SIZES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 7: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}
# attributes of the environment matrices: first and last distance of the switch, sel
CUTOFFS = {
    "ProdEnvMatA": ("rcut_r_smth", "rcut_r", "sel_a"),
    "ProdEnvMatAMix": ("rcut_r_smth", "rcut_r", "sel_a"),
    "ProdEnvMatR": ("rcut_smth", "rcut", "sel"),
}
COLUMNS = {"ProdEnvMatA": 4, "ProdEnvMatAMix": 4, "ProdEnvMatR": 1}
DAVG, DSTD = 5, 6  # inputs of the environment matrices


def check_constants(graph_def, where: object) -> None:
    """InputError if a constant's shape is impossible or its bytes do not fill it."""
    for node in graph_def.node:
        if node.op == "Const":
            if "value" not in node.attr:
                continue  # TensorFlow refuses it where a result needs it
            tensor = node.attr["value"].tensor
            if tensor.dtype == 0:
                continue  # likewise
            declared = node.attr["dtype"].type if "dtype" in node.attr else tensor.dtype
            shape = tuple(d.size for d in tensor.tensor_shape.dim)
            problem = _problem(tensor, declared, shape)
            if problem:
                name = _printable(node.name)
                raise InputError(f"{where}: the constant {name} {problem}; is the file damaged?")


def check_references(graph_def, targets: list[str], where: object) -> None:
    """InputError if the targets need a node that is not there."""
    inputs = {n.name: n.input for n in graph_def.node}
    queue = [t for t in targets if t in inputs]
    seen = set(queue)
    while queue:
        reader = queue.pop()
        for reference in inputs[reader]:
            name = reference.removeprefix("^").split(":")[0]
            if name not in inputs:
                raise InputError(
                    f"{where}: the node {_printable(reader)} reads {_printable(name)}, "
                    "which is not in the graph; is the file damaged?"
                )
            if name not in seen:
                seen.add(name)
                queue.append(name)


def check_env_mats(graph_def, ntypes: int, where: object) -> None:
    """InputError if cutoffs, sel, davg and dstd of an environment matrix do not agree."""
    nodes = {n.name: n for n in graph_def.node}
    for node in graph_def.node:
        if node.op not in CUTOFFS:
            continue
        smooth, cutoff, sel = CUTOFFS[node.op]
        begin, end, sel = node.attr[smooth].f, node.attr[cutoff].f, list(node.attr[sel].list.i)
        at = f"{where}: {_printable(node.name)} ({node.op})"
        if not (math.isfinite(end) and 0 <= begin < end):
            raise InputError(
                f"{at} has {smooth} = {begin:g} and {cutoff} = {end:g}; "
                f"expected 0 <= {smooth} < {cutoff}"
            )
        mixed = node.op == "ProdEnvMatAMix"
        if len(sel) != (1 if mixed else ntypes) or min(sel) < 0:
            wanted = "one number" if mixed else f"a number for each of {ntypes} types"
            raise InputError(f"{at} has sel {sel}; expected {wanted}")
        expected = (ntypes, COLUMNS[node.op] * sum(sel))
        for i, name in ((DAVG, "davg"), (DSTD, "dstd")):
            shape = _shape_of_constant(nodes, node.input[i] if i < len(node.input) else "")
            if shape is not None and shape != expected:
                raise InputError(
                    f"{at} reads a {name} of shape {shape}; expected {expected} for "
                    f"{ntypes} types and sel {sel}"
                )


def check_cutoff(graph_def, rcut: float, where: object) -> None:
    """InputError if rcut (angstrom), by which callers find neighbours, is not the largest cutoff
    of the environment matrices."""
    own = [n.attr[CUTOFFS[n.op][1]].f for n in graph_def.node if n.op in CUTOFFS]
    if own and not math.isclose(rcut, max(own), rel_tol=1e-6):  # attributes are float32
        raise InputError(
            f"{where}: descrpt_attr/rcut is {rcut:g}; expected {max(own):g}, the largest cutoff of "
            "its environment matrices"
        )


def _problem(tensor, declared: int, shape: tuple[int, ...]) -> str:
    """What is wrong with a tensor of a node that declares its type, or ""."""
    if tensor.dtype not in SIZES:
        return f"is of type {tensor.dtype}, which no weight has"
    if tensor.dtype != declared:
        return f"is of type {tensor.dtype}, but declared as {declared}"
    count = math.prod(shape)
    size = SIZES[tensor.dtype]
    if min(shape, default=0) < 0 or tensor.tensor_shape.unknown_rank or count * size > LARGEST:
        return f"has shape {shape}"
    given = len(tensor.tensor_content)
    if given and given != count * size:
        return f"has shape {shape}, {count * size} bytes, but holds {given}"
    return ""


def _shape_of_constant(nodes: dict, reference: str) -> tuple[int, ...] | None:
    """Shape of the constant behind a chain of Identity; None if there is none."""
    for _ in range(len(nodes)):
        node = nodes.get(reference.split(":")[0])
        if node is None:
            return None
        if node.op == "Const":
            return tuple(d.size for d in node.attr["value"].tensor.tensor_shape.dim)
        if node.op != "Identity" or not node.input:
            return None
        reference = node.input[0]
    return None


def _printable(name: str) -> str:
    """A name as one line."""
    return name if name.isprintable() and name else repr(name)

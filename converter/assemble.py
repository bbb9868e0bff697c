# SPDX-License-Identifier: LGPL-3.0-or-later
"""Steps that several ways through share: our graph of a model, its ONNX bytes, its metadata."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

import onnx_graphsurgeon as gs

from ..runtime.metadata import KeptPart
from ..runtime.progress import Progress
from ..runtime.report import NetReport
from . import emit_onnx, pass_tables, surgeon, to_onnx
from .frozen_graph import FrozenModel
from .grids import TableOptions
from .memory import bytes_per_atom


def prepare(model: FrozenModel, progress: Progress):
    """Our graph of the energy, its nets as they are."""
    with progress.stage("converting the energy graph"):
        graph = to_onnx.forward_graph(model)
        surgeon.prepare(graph, model)
    return graph


def onnx_bytes(model: FrozenModel, options: TableOptions | None) -> bytes:
    """The serialized ONNX model with such tables, or (None) with the nets as they are."""
    silent = Progress()
    graph = prepare(model, silent)
    plan = None if options is None else pass_tables.plan(graph, options)
    tables = [] if plan is None else surgeon.tabulate(graph, model, plan, options, silent)
    surgeon.derive(graph, model)
    return emit_onnx.to_model(graph, metadata(model, graph, tables))[0].SerializeToString()


def metadata(
    model: FrozenModel,
    graph: gs.Graph,
    tables: Sequence[NetReport] = (),
    min_nbor_dist: float | None = None,
    kept: Sequence[KeptPart] = (),
    mixed: bool = False,
) -> dict[str, str]:
    """metadata_props of the ONNX file made of the graph (docs/format.md): with tables, of a
    compressed model; kept: its sub-models without tables; mixed: its tables and fitting nets are
    in float32."""
    about = description(model, tables, min_nbor_dist, kept)
    return about | {
        "precision": "mixed" if mixed else about["precision"],
        "bytes_per_atom": str(bytes_per_atom(graph, model.ntypes)),
        "table_reach": "\n".join(
            f"{t.name} {t.types} {t.reach[0]:.6g} {t.reach[1]:.6g}" for t in tables
        ),
    }


def description(
    model: FrozenModel,
    tables: Sequence[NetReport] = (),
    min_nbor_dist: float | None = None,
    kept: Sequence[KeptPart] = (),
) -> dict[str, str]:
    """The part of the metadata that describes a frozen graph as well."""
    if min_nbor_dist is None:
        min_nbor_dist = model.min_nbor_dist
    try:
        ours = version("dponnx")
    except PackageNotFoundError:
        ours = "unknown"
    return {
        "format": "dponnx-1",
        "type_map": " ".join(model.type_map),
        "rcut": repr(model.rcut),
        "sel": " ".join(map(str, model.sel)),
        "model_type": model.model_type,
        "output_dim": str(model.quantity.width),
        "sel_type": " ".join(map(str, model.quantity.types)),
        "dfparam": str(model.dfparam),
        "daparam": str(model.daparam),
        "model_version": model.model_version,
        "compressed": "true" if tables or model.is_compressed else "false",
        "precision": str(model.precision),
        "tables": json.dumps([asdict(t) for t in tables]),
        "kept": json.dumps([asdict(k) for k in kept]),
        "min_nbor_dist": "" if min_nbor_dist is None else repr(min_nbor_dist),
        "original_sha256": model.sha256,
        "training_script": model.training_script,
        "converter": f"dponnx {ours}",
    }

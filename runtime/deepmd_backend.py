# SPDX-License-Identifier: LGPL-3.0-or-later
"""DeePMD-kit opens our files: entry point of group `deepmd.backend`, for names ending in .onnx.

With both packages installed `dp test -m model.onnx`, `dp model-devi`, deepmd.infer.DeepPot
(DeepDipole, DeepPolar, DeepDOS) and deepmd.calculator.DP run on them, and `dp convert-backend`
writes them.
Loaded whenever DeePMD-kit starts: nothing heavy is imported here.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from deepmd.backend.backend import Backend

from .errors import DponnxError, InputError, UnsupportedModelError

if TYPE_CHECKING:
    from .deepmd_backend_eval import OnnxEval


@Backend.register("dponnx")
class OnnxBackend(Backend):
    """Models written by dponnx; not chosen by option but by the suffix of the file."""

    name = "dponnx"
    features: ClassVar[Backend.Feature] = Backend.Feature.DEEP_EVAL | Backend.Feature.IO
    suffixes: ClassVar[list[str]] = [".onnx"]

    def __init__(self) -> None:
        super().__init__()
        _errors_in_one_line()

    def is_available(self) -> bool:
        """Whether the models can be run."""
        from importlib.util import find_spec

        return find_spec("onnxruntime") is not None

    @property
    def entry_point_hook(self) -> Callable[[Any], None]:
        """dponnx does not train: `dp --dponnx train` does not exist."""
        raise InputError("DeePMD-kit's commands cannot train or freeze with dponnx")

    @property
    def deep_eval(self) -> type[OnnxEval]:
        """What deepmd.infer calls."""
        from .deepmd_backend_eval import OnnxEval

        return OnnxEval

    @property
    def neighbor_stat(self) -> type:
        """The statistics do not depend on the backend: there is a command for them."""
        raise InputError("use dponnx neighbor-stat, or dp neighbor-stat with its own backend")

    @property
    def serialize_hook(self) -> Callable[[str], dict]:
        """For `dp convert-backend model.onnx ...`, which cannot work."""
        return _refuse_to_serialize

    @property
    def deserialize_hook(self) -> Callable[[str, dict], None]:
        """For `dp convert-backend ... model.onnx`."""
        return write_model


def _refuse_to_serialize(model_file: str) -> dict:
    raise UnsupportedModelError(
        f"{model_file}: an ONNX model cannot be converted back, its embedding nets may be tables; "
        "convert the model that it was made from"
    )


def write_model(model_file: str, data: dict) -> None:
    """Write a model serialized by any backend of DeePMD-kit as ONNX, embedding nets as they are.

    It takes the way through a frozen TensorFlow graph: InputError where DeePMD-kit has none for
    the model, and what dponnx.convert raises.
    """
    from .models import converter
    from .session import first_line

    convert = converter().convert
    with tempfile.TemporaryDirectory(prefix="dponnx") as folder:
        graph = Path(folder, "model.pb")
        try:
            from deepmd.tf.utils.serialization import deserialize_to_file

            deserialize_to_file(str(graph), data)
        except Exception as error:
            raise InputError(
                f"{model_file}: DeePMD-kit does not write this model as a TensorFlow graph, which "
                f"dponnx converts ({first_line(error)})"
            ) from error
        convert(graph, model_file)


def _errors_in_one_line() -> None:
    """In the program `dp`, print our errors as one line; `dp` would show tracebacks."""
    if Path(sys.argv[0]).name != "dp" or sys.excepthook is not sys.__excepthook__:
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, DponnxError):
            print(f"dp: error: {' '.join(str(error).split())}", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook

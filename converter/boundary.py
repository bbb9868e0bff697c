# SPDX-License-Identifier: LGPL-3.0-or-later
"""What leaves the converter is a result or a DponnxError of one line: the last line of defence."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ..runtime.errors import ConversionError, DponnxError
from ..runtime.session import first_line

log = logging.getLogger("dponnx")
P = ParamSpec("P")
T = TypeVar("T")


def guarded(function: Callable[P, T]) -> Callable[P, T]:
    """The function, whose first argument is a model's path; any exception that nobody foresaw
    becomes a ConversionError naming it, with the traceback in the log at DEBUG."""

    @functools.wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except DponnxError as e:
            if len(str(e).splitlines()) > 1:  # it quotes a text of the file
                e.args = (" ".join(str(e).split()), *e.args[1:])
            raise
        except (OSError, MemoryError):
            raise  # OSError and MemoryError: the machine's fault, not the file's
        except Exception as e:
            path = args[0] if args else kwargs.get("input", kwargs.get("path"))
            log.debug("%s", path, exc_info=True)
            raise ConversionError(
                f"{path} cannot be converted: {type(e).__name__}: {first_line(e)}; "
                "is the file damaged? The log (-v DEBUG) says where"
            ) from e

    return inner

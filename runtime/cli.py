# SPDX-License-Identifier: LGPL-3.0-or-later
"""The command `dponnx`: one verb a file (cli_*.py), errors to one line and an exit code here.

Exit codes: 0 done; 1 validation failed; 2 wrong input or usage; 3 a bug of ours; 130 interrupted.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

from . import (
    cli_compress,
    cli_config,
    cli_convert_from,
    cli_info,
    cli_model_devi,
    cli_neighbor_stat,
    cli_test,
    cli_validate,
    mpi,
)
from .cli_log import add_log_options, setup_logging, to_log_file
from .errors import ConversionError, DponnxError, ValidationError
from .session import first_line

VERBS = (
    cli_compress,
    cli_convert_from,
    cli_validate,
    cli_test,
    cli_model_devi,
    cli_info,
    cli_neighbor_stat,
    cli_config,
)
BUG = "please report this; run with -v DEBUG for the traceback"
log = logging.getLogger("dponnx")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code, and raises SystemExit as argparse does."""
    args = build_parser().parse_args(argv)
    name = f"dponnx {args.verb}"
    ranks = mpi.ranks() if "mpi_log" in args else None
    mode = getattr(args, "mpi_log", "master")
    code = _guarded(name, lambda: setup_logging(args.log_level, args.log_path, ranks, mode))
    if ranks is None:
        return code or _guarded(name, lambda: args.run(args))
    try:
        code = ranks.agree(code)
        if code == 0 and ranks.rank == 0:
            code = _guarded(name, lambda: args.run(args))
        return ranks.end(code)
    except BaseException:
        # Interrupted while waiting, or a bug: no rank may wait for this one.
        ranks.abort(130)
        raise


def _guarded(name: str, work: Callable[[], None]) -> int:
    """Do the work; returns the exit code, after an error's one line."""
    try:
        work()
        sys.stdout.flush()
        return 0
    except ValidationError as error:
        return _fail(name, "error", error, 1)
    except ConversionError as error:
        return _fail(name, "error", f"{first_line(error)}; {BUG}", 2)
    except DponnxError as error:
        return _fail(name, "error", error, 2)
    except KeyboardInterrupt:
        return _fail(name, "interrupted", "", 130)
    except BrokenPipeError:
        # The reader went away: leave quietly, also when Python flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except ModuleNotFoundError as error:
        hint = "install what converting needs: pip install 'dponnx[convert]'"
        return _fail(name, "error", f"{first_line(error)}; {hint}", 2)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(name, "error", f"{where}{error.strerror or first_line(error)}", 2)
    except MemoryError:
        return _fail(name, "error", "out of memory; try a larger step (-s) or fewer frames", 2)
    except Exception as error:
        what = f"{type(error).__name__}: {first_line(error)}"
        return _fail(name, "internal error", f"{what}; {BUG}", 3)


def build_parser() -> argparse.ArgumentParser:
    """The parser of every verb."""
    parser = argparse.ArgumentParser(
        prog="dponnx",
        description="Compress, convert, check and describe DeePMD-kit potentials: "
        "frozen TensorFlow graphs become ONNX models with tabulated embedding nets.",
    )
    parser.add_argument("--version", action="version", version=f"dponnx {package_version()}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for module in VERBS:
        for verb in module.add_verbs(verbs):
            add_log_options(verb)
    return parser


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("dponnx")
    except PackageNotFoundError:
        return "0+unknown"


def _fail(name: str, kind: str, message: object, code: int) -> int:
    """Print `name: kind: message` in one line; at level DEBUG the traceback before it."""
    if log.isEnabledFor(logging.DEBUG) and sys.exc_info()[0] is not None and code != 130:
        log.debug("traceback", exc_info=True)
    text = " ".join(str(message).split())
    print(f"{name}: {kind}: {text}" if text else f"{name}: {kind}", file=sys.stderr)
    to_log_file(logging.ERROR, text or kind)
    return code


if __name__ == "__main__":
    sys.exit(main())

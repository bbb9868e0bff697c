# SPDX-License-Identifier: LGPL-3.0-or-later
"""libdponnx through its C interface (include/dponnx.h): the structs, one class, errors.

Arrays go in and out as NumPy arrays, by pointer. What a call refuses becomes an exception of
errors.py with the library's message.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from ctypes import POINTER, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from importlib.resources import files
from pathlib import Path

import numpy as np

from .errors import DponnxError, InputError, ModelFormatError

STATUS = {1: InputError, 2: ModelFormatError, 3: InputError}  # others: DponnxError


class Options(ctypes.Structure):
    _fields_ = [
        ("ort_library", c_char_p),
        ("threads", c_int32),
        ("cuda_device", c_int32),
        ("block", c_int32),
        ("memory_mb", c_int32),
        ("cuda_share", c_int32),
    ]


class Info(ctypes.Structure):
    _fields_ = [
        ("model_type", c_char_p),
        ("precision", c_char_p),
        ("rcut", c_double),
        ("ntypes", c_int32),
        ("components", c_int32),
        ("dim_fparam", c_int32),
        ("dim_aparam", c_int32),
        ("has_force", c_int32),
        ("compressed", c_int32),
        ("ntables", c_int32),
        ("names", c_void_p),
        ("sel", c_void_p),
        ("device", c_char_p),
        ("device_note", c_char_p),
    ]


class System(ctypes.Structure):
    _fields_ = [
        ("natoms", c_int64),
        ("nghost", c_int64),
        ("coord", c_void_p),
        ("type", c_void_p),
        ("box", c_void_p),
        ("along", c_void_p),
        ("fparam", c_void_p),
        ("aparam", c_void_p),
        ("nlist", c_void_p),
    ]


RESULTS = ("energy", "force", "virial", "atom_energy", "atom_virial")


class Result(ctypes.Structure):
    _fields_ = [(name, POINTER(c_double)) for name in RESULTS]


def library_path() -> Path:
    """Where libdponnx.so lies. Raises InputError if dponnx was installed without it."""
    path = Path(str(files(__package__).joinpath("libdponnx.so")))
    if not path.is_file():
        raise InputError(f"{path} is missing; expected the compiled runtime: install dponnx again")
    return path


def onnxruntime_library() -> bytes | None:
    """libonnxruntime.so of the Python package; None where a variable names another.

    Raises InputError where there is no such package."""
    if os.environ.get("DPONNX_ORT_LIBRARY"):
        return None
    spec = importlib.util.find_spec("onnxruntime")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder, "capi").glob("libonnxruntime.so.*")):
            return os.fsencode(path)
    raise InputError(
        "running a model needs onnxruntime, which is not installed: pip install 'dponnx[cpu]'"
    )


@functools.cache
def library() -> ctypes.CDLL:
    """The library, its functions typed."""
    lib = ctypes.CDLL(str(library_path()))
    handle = c_void_p
    for name, result, arguments in (
        ("dponnx_version", c_char_p, []),
        ("dponnx_last_error", c_char_p, []),
        ("dponnx_open", c_int32, [c_char_p, POINTER(Options), POINTER(handle)]),
        (
            "dponnx_open_memory",
            c_int32,
            [c_char_p, c_size_t, c_char_p, POINTER(Options), POINTER(handle)],
        ),
        ("dponnx_close", None, [handle]),
        ("dponnx_get_info", POINTER(Info), [handle]),
        ("dponnx_compute", c_int32, [handle, POINTER(System), POINTER(Result)]),
        ("dponnx_overflow", c_char_p, [handle, c_void_p, c_void_p]),
    ):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib


def check(status: int, where: str = "") -> None:
    """Raises what a failed call asks for; where is put before its message."""
    if status:
        text = library().dponnx_last_error().decode(errors="replace")
        raise STATUS.get(status, DponnxError)(f"{where}{text}")


class Handle:
    """A model opened in the library. Calls from several threads wait for each other."""

    def __init__(self, model: str | bytes, name: str, *, threads: int, cuda_device: int) -> None:
        """model: a path, or a serialized model; threads: 0 for one a core; cuda_device: as in
        dponnx_options."""
        lib, self._handle = library(), c_void_p()
        options = Options(
            ort_library=onnxruntime_library(),
            threads=threads or -1,
            cuda_device=cuda_device,
        )
        self._lib, into = lib, ctypes.byref(self._handle)
        if isinstance(model, bytes):
            size, text = len(model), os.fsencode(name)
            check(lib.dponnx_open_memory(model, size, text, ctypes.byref(options), into))
        else:
            check(lib.dponnx_open(os.fsencode(model), ctypes.byref(options), into))
        info = lib.dponnx_get_info(self._handle).contents
        self.device = info.device.decode()
        # Why "auto" took the CPU, "" otherwise.
        self.device_note = info.device_note.decode(errors="replace")
        # Tables whose overflow is checked; 0: the model was compressed without -f N.
        self.ntables: int = info.ntables

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._lib.dponnx_close(self._handle)

    def compute(
        self, inputs: dict[str, np.ndarray | None], results: dict[str, np.ndarray], where: str
    ) -> None:
        """One frame: fills the results asked for. inputs: coord (natoms, 3), box (3, 3) or None,
        fparam, aparam float64, type int32, along (3,) int32 or None. All arrays contiguous; shapes
        as in dponnx.h."""
        system = System(natoms=len(inputs["type"]))
        for key, array in inputs.items():
            setattr(system, key, None if array is None else array.ctypes.data)
        result = Result()
        for key, array in results.items():
            setattr(result, key, array.ctypes.data_as(POINTER(c_double)))
        check(
            self._lib.dponnx_compute(self._handle, ctypes.byref(system), ctypes.byref(result)),
            where,
        )

    def overflow(self, ntables: int, ntypes: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
        """The last check's counts (ntables, 2), neighbours beyond sel (ntypes,), and a sentence a
        finding."""
        tables, sel = np.zeros((ntables, 2), np.int64), np.zeros(ntypes, np.int64)
        text = self._lib.dponnx_overflow(self._handle, tables.ctypes.data, sel.ctypes.data)
        return tables, sel, text.decode().splitlines()

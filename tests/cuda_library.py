# SPDX-License-Identifier: LGPL-3.0-or-later
"""The functions of custom_ops/cuda/runtime_api.h, and arrays in the device's memory.

The library is that of a GPU or its emulation: the same calls, the same tests.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_void_p
from pathlib import Path

import numpy as np
from dponnx import DeepPot
from dponnx.runtime.library import RESULTS, Result, check, library


class Box(ctypes.Structure):
    _fields_ = [
        ("vectors", c_double * 9),
        ("inverse", c_double * 9),
        ("along", c_int32 * 3),
        ("rcut", c_double),
    ]


class Cells(ctypes.Structure):
    _fields_ = [
        ("box", Box),
        ("low", c_double * 3),
        ("per_unit", c_double * 3),
        ("n", c_int32 * 3),
        ("start", c_void_p),
        ("rows", c_void_p),
        ("coord", c_void_p),
    ]


class Nlist(ctypes.Structure):
    _fields_ = [
        ("inum", c_int32),
        ("ilist", c_void_p),
        ("numneigh", c_void_p),
        ("neighbors", c_void_p),
        ("atom_stride", c_int64),
        ("neighbor_stride", c_int64),
        ("mask", c_int32),
        ("ago", c_int32),
    ]


class System(ctypes.Structure):
    _fields_ = [
        ("natoms", c_int64),
        ("nghost", c_int64),
        *(
            (name, c_void_p)
            for name in "coord type host_type box along fparam aparam nlist host_nlist".split()
        ),
    ]


class Array:
    """A NumPy array's copy on the device."""

    def __init__(self, device: Device, array: np.ndarray):
        self.device, self.shape, self.dtype = device, array.shape, array.dtype
        array = np.ascontiguousarray(array)
        pointer = c_void_p()
        device.call("allocate", byref(pointer), array.nbytes, 0)
        self.address = pointer.value
        device.call("copy", self.address, array.ctypes.data, array.nbytes, None)
        device.call("wait", None)

    def get(self) -> np.ndarray:
        """What it holds now."""
        array = np.empty(self.shape, self.dtype)
        self.device.call("copy", array.ctypes.data, self.address, array.nbytes, None)
        self.device.call("wait", None)
        return array

    def __del__(self) -> None:
        self.device.library.dponnx_cuda_release(c_void_p(self.address), 0)


class Device:
    """Device 0 of the library; calls raise RuntimeError with the library's text."""

    def __init__(self, library: Path):
        self.library = ctypes.CDLL(str(library))
        devices = c_int32()
        self.call("use", 0, byref(devices))

    def call(self, name: str, *arguments: object) -> None:
        """dponnx_cuda_NAME; Arrays go as addresses, integers as int64 where they are large."""
        function = getattr(self.library, f"dponnx_cuda_{name}")
        function.restype = c_char_p
        text = function(*map(self._argument, arguments))
        if text is not None:
            raise RuntimeError(text.decode())

    def array(self, values: object, dtype: type) -> Array:
        return Array(self, np.asarray(values, dtype))

    @staticmethod
    def _argument(value: object) -> object:
        if isinstance(value, Array):
            return c_void_p(value.address)
        return c_int64(value) if isinstance(value, int) else value

    def neighbors(
        self, coord: np.ndarray, box: np.ndarray, along: list[bool], rcut: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The steps of cells.h for all atoms (n, 3): rows of atoms and images (nrows, 3), images
        before each atom's own (n + 1,), count (n,), neighbors (n, most).

        box (3, 3): with a vector for directions that are not periodic, too."""
        n = len(coord)
        inverse = np.linalg.inv(np.asarray(box, float)).T
        device_box = Box(
            (c_double * 9)(*np.ravel(box)), (c_double * 9)(*inverse.ravel()),
            (c_int32 * 3)(*along), rcut,
        )  # fmt: skip
        wrapped, first = self.array(coord, float), self.array(np.zeros(n + 1), np.int32)
        bounds = self.array(np.zeros(6), float)
        self.call("wrap", byref(device_box), wrapped, n, first, bounds, None)
        nrows = n + int(first.get()[n])
        rows = self.array(np.concatenate([wrapped.get(), np.zeros((nrows - n, 3))]), float)
        types = self.array(np.zeros(nrows), np.int32)
        self.call("images", byref(device_box), rows, types, n, first, None)
        cells = Cells(box=device_box, coord=rows.address)
        host_bounds = bounds.get()
        grid = self.library.dponnx_cuda_grid
        grid.restype, grid.argtypes = None, [POINTER(Cells), c_void_p, c_int64]
        grid(byref(cells), host_bounds.ctypes.data, nrows)
        start = self.array(np.zeros(int(np.prod(cells.n[:])) + 1), np.int32)
        order = self.array(np.zeros(nrows), np.int32)
        self.call("sort", byref(cells), nrows, start, order, None)
        cells.start, cells.rows = start.address, order.address
        atoms, count = self.array(np.arange(n), np.int32), self.array(np.zeros(n), np.int32)
        most = self.array([0], np.int32)
        self.call("count", byref(cells), atoms, n, count, most, None)
        width = int(most.get()[0])
        found = self.array(np.full((n, width), -1), np.int32)
        self.call("neighbors", byref(cells), atoms, n, width, found, None)
        return rows.get(), first.get(), count.get(), found.get()


class Evaluation:
    """A model's results for atoms, ghosts and a list on the device, by dponnx_compute_cuda.

    coord (nall, 3), types (nall,), count (n,), table (n, width) padded with -1. by_column: the
    neighbours' index slowest, as Kokkos stores lists; on_host: types come from the host.
    """

    def __init__(
        self,
        device: Device,
        model: DeepPot,
        coord: np.ndarray,
        types: np.ndarray,
        count: np.ndarray,
        table: np.ndarray,
        by_column: bool = False,
        on_host: bool = False,
    ):
        self.device, self.model = device, model
        n, width = table.shape
        nall = len(coord)
        self.coord = device.array(coord, float)
        self.kinds = np.ascontiguousarray(types, np.int32)
        self.type = None if on_host else device.array(self.kinds, np.int32)
        self.count = device.array(count, np.int32)
        self.table = device.array(table.T if by_column else table, np.int32)
        strides = (1, n) if by_column else (width, 1)
        self.nlist = Nlist(n, None, self.count.address, self.table.address, *strides, 0, 0)
        self.system = System(
            natoms=n,
            nghost=nall - n,
            coord=self.coord.address,
            type=self.type and self.type.address,
            host_type=self.kinds.ctypes.data if on_host else None,
            nlist=ctypes.cast(byref(self.nlist), c_void_p),
        )
        shapes = ((1,), (nall, 3), (9,), (n,), (nall, 9))
        self.result = Result()
        for name, shape in zip(RESULTS, shapes, strict=True):
            setattr(self, name, device.array(np.full(shape, np.nan), float))
            address = ctypes.cast(getattr(self, name).address, POINTER(c_double))
            setattr(self.result, name, address)

    def step(self, ago: int, **change: object) -> None:
        """Evaluates and waits; change: fields of the system. Raises as DeepPot does."""
        self.nlist.ago = ago
        for key, value in change.items():
            setattr(self.system, key, value)
        lib = library()
        lib.dponnx_compute_cuda.argtypes = [c_void_p, POINTER(System), POINTER(Result), c_void_p]
        check(lib.dponnx_compute_cuda(self.model._model._handle, self.system, self.result, None))
        self.device.call("wait", None)

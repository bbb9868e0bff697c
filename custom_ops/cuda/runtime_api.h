// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>

/// What libdponnx asks of libdponnx_ops_cuda.so besides its operators: memory, copies, and the
/// kernels that turn an engine's arrays into a model's inputs and back. C functions, found by name;
/// nothing of CUDA's headers is needed to call them.
///
/// Each returns null, or what went wrong in one line (valid until the thread's next call). Unless
/// it says otherwise, arrays are on the device, work is queued on `stream`, and nothing waits. The
/// library for tests (cuda/emulated) has the same functions with memory of the host.

/// Counts the interface's changes: libdponnx and this library come from one build.
constexpr int32_t kDponnxCudaAbi = 1;

/// A full neighbour list. Entries e are rows of the system, or, by_position, the atoms asked for:
/// neighbour k < count[e] is neighbors[first(e) + k neighbor_stride] & mask, with first(e) =
/// first[e], or e atom_stride where that is null.
struct dponnx_cuda_list {
  const int32_t* neighbors;
  const int32_t* count;
  const int64_t* first;
  int64_t atom_stride, neighbor_stride;
  int32_t mask;    ///< -1: all bits
  int32_t padded;  ///< -1 is no neighbour; otherwise an error
  int32_t by_position;
};

/// A model's block while it is made: docs/format.md for rows, atype and nlist.
struct dponnx_cuda_block {
  const int32_t* type;  ///< [nrows] of the system; below 0: nobody's neighbour
  int64_t nrows;
  const int32_t* atoms;  ///< [nloc] rows of the system, sorted by type
  int64_t nloc;
  int32_t *at, *place;  ///< [nrows], [nrows + 1]: scratch
  int32_t* sizes;       ///< [2]: rows besides the atoms, most neighbours of one
};

/// Atoms in a box, which is periodic along some of its vectors; see runtime/src/box.h.
struct dponnx_cuda_box {
  double vectors[9], inverse[9];  ///< a vector a row; component k of x is inverse row k . x
  int32_t along[3];
  double rcut;
};

/// Cells of at least rcut between opposite faces, over the components of all rows.
struct dponnx_cuda_cells {
  dponnx_cuda_box box;
  double low[3], per_unit[3];  ///< component k lies in cell (component - low) per_unit
  int32_t n[3];
  const int32_t* start;  ///< [n0 n1 n2 + 1] into rows
  const int32_t* rows;   ///< rows of the system, by cell and then rising
  const double* coord;   ///< [nrows, 3]
};

extern "C" {

int32_t dponnx_cuda_abi(void);
/// Whether the device is an emulation on the CPU.
int32_t dponnx_cuda_emulated(void);

/// Takes a device for the calling thread. *devices: how many there are, 0 without a driver.
const char* dponnx_cuda_use(int32_t device, int32_t* devices);
/// Bytes that are free, and all, on the thread's device.
const char* dponnx_cuda_memory(int64_t* free, int64_t* all);
const char* dponnx_cuda_open_stream(void** stream);
void dponnx_cuda_close_stream(void* stream);
/// Later work of `then` waits for what `first` holds now.
const char* dponnx_cuda_order(void* first, void* then);
/// Waits for the stream's work.
const char* dponnx_cuda_wait(void* stream);
/// What kernels that have ended found wrong (report.h), forgotten by asking.
const char* dponnx_cuda_report(void);

/// Memory on the device or, pinned, on the host; not set.
const char* dponnx_cuda_allocate(void** memory, int64_t bytes, int32_t pinned);
void dponnx_cuda_release(void* memory, int32_t pinned);
/// Between device and host, either way.
const char* dponnx_cuda_copy(void* to, const void* from, int64_t bytes, void* stream);
const char* dponnx_cuda_clear(void* memory, int64_t bytes, void* stream);

/// to[i] = from[rows[i]], rows of `columns` numbers.
const char* dponnx_cuda_gather(const double* from, const int32_t* rows, int64_t n, int32_t columns,
                               double* to, void* stream);
/// to[rows[i]] += from[i]; no row twice.
const char* dponnx_cuda_scatter(const double* from, const int32_t* rows, int64_t n, int32_t columns,
                                double* to, void* stream);
/// to[m] += from[m].
const char* dponnx_cuda_add(const double* from, int64_t n, double* to, void* stream);

/// Finds block.sizes and prepares its scratch; neighbours that are no rows are reported.
const char* dponnx_cuda_block_sizes(const dponnx_cuda_list* list, const dponnx_cuda_block* block,
                                    void* stream);
/// After block_sizes, sizes known to the caller: rows and atype [nall], nlist [nloc, nnei].
const char* dponnx_cuda_block_fill(const dponnx_cuda_list* list, const dponnx_cuda_block* block,
                                   int32_t* rows, int32_t* atype, int32_t* nlist, int64_t nnei,
                                   void* stream);

/// Moves atoms [n, 3] into the box, along periodic directions. first [n + 1]: where each atom's
/// images within rcut of the box begin, and their number; bounds [6]: lowest and highest component
/// along each vector, if some direction is not periodic.
const char* dponnx_cuda_wrap(const dponnx_cuda_box* box, double* coord, int64_t n, int32_t* first,
                             double* bounds, void* stream);
/// Appends the images as rows n + first[i] ... of coord and type.
const char* dponnx_cuda_images(const dponnx_cuda_box* box, double* coord, int32_t* type, int64_t n,
                               const int32_t* first, void* stream);
/// On the host, at once: low, per_unit and n of cells for nrows rows, from the box and its bounds.
void dponnx_cuda_grid(dponnx_cuda_cells* cells, const double* bounds, int64_t nrows);
/// Fills start and rows of the cells.
const char* dponnx_cuda_sort(const dponnx_cuda_cells* cells, int64_t nrows, int32_t* start,
                             int32_t* rows, void* stream);
/// count [n] neighbours of each atom, *most of one; all in one launch a call, no list yet.
const char* dponnx_cuda_count(const dponnx_cuda_cells* cells, const int32_t* atoms, int64_t n,
                              int32_t* count, int32_t* most, void* stream);
/// neighbors [n, most]: by cell, rising within each; count says how many are set.
const char* dponnx_cuda_neighbors(const dponnx_cuda_cells* cells, const int32_t* atoms, int64_t n,
                                  int64_t most, int32_t* neighbors, void* stream);
/// to[owner[i]] = from[i] + the sum of its images' rows, in their order.
const char* dponnx_cuda_fold(const double* from, const int32_t* first, const int32_t* owner,
                             int64_t n, int32_t columns, double* to, void* stream);
}

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "system.h"

#include "report.h"
#include "scan.h"
#include "warp.h"

namespace dponnx::cuda {

namespace {

constexpr int kThreads = 256;

__global__ void gather_rows(const double* from, const int32_t* rows, int64_t n, int32_t columns,
                            double* to) {
  for (int64_t k = thread_of_grid(); k < n * columns; k += threads_of_grid()) {
    to[k] = from[int64_t(rows[k / columns]) * columns + k % columns];
  }
}

__global__ void scatter_rows(const double* from, const int32_t* rows, int64_t n, int32_t columns,
                             double* to) {
  for (int64_t k = thread_of_grid(); k < n * columns; k += threads_of_grid()) {
    to[int64_t(rows[k / columns]) * columns + k % columns] += from[k];
  }
}

__global__ void add_all(const double* from, int64_t n, double* to) {
  for (int64_t k = thread_of_grid(); k < n; k += threads_of_grid()) to[k] += from[k];
}

__global__ void fold_rows(const double* from, const int32_t* first, const int32_t* owner, int64_t n,
                          int32_t columns, double* to) {
  for (int64_t k = thread_of_grid(); k < n * columns; k += threads_of_grid()) {
    const int64_t i = k / columns, c = k % columns;
    double sum = from[k];
    for (int64_t g = first[i]; g < first[i + 1]; ++g) sum += from[(n + g) * columns + c];
    to[int64_t(owner[i]) * columns + c] = sum;
  }
}

__global__ void number_atoms(const int32_t* atoms, int64_t nloc, int32_t* at) {
  for (int64_t p = thread_of_grid(); p < nloc; p += threads_of_grid()) {
    at[atoms[p]] = static_cast<int32_t>(p);
  }
}

/// Neighbour k of an entry: its row, -1 where there is none.
__device__ int32_t neighbor(const dponnx_cuda_list& list, const dponnx_cuda_block& block,
                            int64_t entry, int64_t k) {
  if (k >= list.count[entry]) return -1;
  const int64_t first = list.first ? list.first[entry] : entry * list.atom_stride;
  const int32_t row = list.neighbors[first + k * list.neighbor_stride] & list.mask;
  if (row < 0 || row >= block.nrows) return -1;
  return block.type[row] < 0 ? -1 : row;
}

__device__ void tell_of(const dponnx_cuda_list& list, int64_t nrows, int64_t entry, int64_t k,
                        Report* report) {
  const int64_t first = list.first ? list.first[entry] : entry * list.atom_stride;
  const int32_t row = list.neighbors[first + k * list.neighbor_stride] & list.mask;
  if ((row >= 0 && row < nrows) || (row == -1 && list.padded)) return;
  const int64_t columns = list.count[entry];
  tell(report, Finding::nlist, entry * columns + k, columns, row, nrows - 1);
}

__global__ void mark(dponnx_cuda_list list, dponnx_cuda_block block, Report* report) {
  const int lane = lane_of_warp();
  for (int64_t p = warp_of_grid(); p < block.nloc; p += warps_of_grid()) {
    const int64_t entry = list.by_position ? p : block.atoms[p], count = list.count[entry];
    int32_t found = 0;
    for (int64_t k0 = 0; k0 < count; k0 += kLanes) {
      const int64_t k = k0 + lane;
      if (k < count) tell_of(list, block.nrows, entry, k, report);
      const int32_t row = neighbor(list, block, entry, k);
      if (row >= 0 && block.at[row] < 0) block.place[row] = 1;  // by many, all the same
      found += __popc(__ballot_sync(kAllLanes, row >= 0));
    }
    if (lane == 0) atomicMax(&block.sizes[1], found);
  }
}

__global__ void take_size(const int32_t* place, int64_t nrows, int32_t* sizes) {
  if (thread_of_grid() == 0) sizes[0] = place[nrows];
}

__global__ void list_rows(dponnx_cuda_block block, int32_t* rows) {
  for (int64_t k = thread_of_grid(); k < block.nrows; k += threads_of_grid()) {
    if (k < block.nloc) rows[k] = block.atoms[k];
    const int32_t place = block.place[k];
    if (block.place[k + 1] == place) continue;  // not marked
    rows[block.nloc + place] = static_cast<int32_t>(k);
    block.at[k] = static_cast<int32_t>(block.nloc) + place;
  }
}

__global__ void list_types(const int32_t* type, const int32_t* rows, const int32_t* sizes,
                           int64_t nloc, int32_t* atype) {
  const int64_t nall = nloc + sizes[0];
  for (int64_t k = thread_of_grid(); k < nall; k += threads_of_grid()) atype[k] = type[rows[k]];
}

__global__ void list_neighbors(dponnx_cuda_list list, dponnx_cuda_block block, int32_t* nlist,
                               int64_t nnei) {
  const int lane = lane_of_warp();
  for (int64_t p = warp_of_grid(); p < block.nloc; p += warps_of_grid()) {
    const int64_t entry = list.by_position ? p : block.atoms[p], count = list.count[entry];
    int64_t slot = p * nnei;
    for (int64_t k0 = 0; k0 < count; k0 += kLanes) {
      const int32_t row = neighbor(list, block, entry, k0 + lane);
      const unsigned found = __ballot_sync(kAllLanes, row >= 0);
      if (row >= 0) nlist[slot + lanes_before(found)] = block.at[row];
      slot += __popc(found);
    }
    for (int64_t s = slot + lane; s < (p + 1) * nnei; s += kLanes) nlist[s] = -1;
  }
}

}  // namespace

void gather(const double* from, const int32_t* rows, int64_t n, int32_t columns, double* to,
            cudaStream_t stream) {
  launch(gather_rows, threads_over(kThreads, n * columns), stream, from, rows, n, columns, to);
}

void scatter(const double* from, const int32_t* rows, int64_t n, int32_t columns, double* to,
             cudaStream_t stream) {
  launch(scatter_rows, threads_over(kThreads, n * columns), stream, from, rows, n, columns, to);
}

void add(const double* from, int64_t n, double* to, cudaStream_t stream) {
  launch(add_all, threads_over(kThreads, n), stream, from, n, to);
}

void fold(const double* from, const int32_t* first, const int32_t* owner, int64_t n,
          int32_t columns, double* to, cudaStream_t stream) {
  launch(fold_rows, threads_over(kThreads, n * columns), stream, from, first, owner, n, columns,
         to);
}

void block_sizes(const dponnx_cuda_list& list, const dponnx_cuda_block& block,
                 cudaStream_t stream) {
  set_bytes(block.at, 0xff, block.nrows, stream);
  set_bytes(block.place, 0, block.nrows + 1, stream);
  set_bytes(block.sizes, 0, 2, stream);
  launch(number_atoms, threads_over(kThreads, block.nloc), stream, block.atoms, block.nloc,
         block.at);
  launch(mark, warps_over(kThreads, block.nloc), stream, list, block, report_of_device());
  exclusive_scan(block.place, block.nrows, stream);
  launch(take_size, {1, kLanes}, stream, block.place, block.nrows, block.sizes);
}

void block_fill(const dponnx_cuda_list& list, const dponnx_cuda_block& block, int32_t* rows,
                int32_t* atype, int32_t* nlist, int64_t nnei, cudaStream_t stream) {
  launch(list_rows, threads_over(kThreads, block.nrows), stream, block, rows);
  launch(list_types, threads_over(kThreads, block.nrows), stream, block.type, rows, block.sizes,
         block.nloc, atype);
  launch(list_neighbors, warps_over(kThreads, block.nloc), stream, list, block, nlist, nnei);
}

}  // namespace dponnx::cuda

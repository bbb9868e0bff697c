// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cells.h"

#include <dponnx/env_mat.h>

#include <algorithm>
#include <cmath>

#include "scan.h"
#include "warp.h"

namespace dponnx::cuda {

namespace {

constexpr int kThreads = 256;

/// Component k of x along the box's vectors.
__device__ double component(const dponnx_cuda_box& box, int k, const double* x) {
  const double* row = box.inverse + 3 * k;
  return row[0] * x[0] + row[1] * x[1] + row[2] * x[2];
}

/// rcut in units of the distance between the faces that vector k crosses.
__host__ __device__ double reach(const dponnx_cuda_box& box, int k) {
  const double* row = box.inverse + 3 * k;
  // A little more: what rounding puts just beyond is left out by the distance, not here.
  return 1.000001 * box.rcut * sqrt(row[0] * row[0] + row[1] * row[1] + row[2] * row[2]);
}

/// Images of an atom, 0 among them: shifts low .. low + count - 1 along each vector.
struct Shifts {
  int low[3], count[3];
  __device__ int all() const { return count[0] * count[1] * count[2]; }
};

__device__ Shifts shifts_of(const dponnx_cuda_box& box, const double* x) {
  Shifts s;
  for (int k = 0; k < 3; ++k) {
    s.low[k] = 0, s.count[k] = 1;
    if (!box.along[k]) continue;
    const double f = component(box, k, x), m = reach(box, k);
    // At least 0, although a rounded f may lie outside [0, 1).
    const double low = fmin(ceil(-m - f), 0.0), high = fmax(floor(1 + m - f), 0.0);
    s.low[k] = static_cast<int>(low);
    s.count[k] = static_cast<int>(high - low) + 1;
  }
  return s;
}

__global__ void wrap_atoms(dponnx_cuda_box box, double* coord, int64_t n, int32_t* images) {
  for (int64_t i = thread_of_grid(); i < n; i += threads_of_grid()) {
    double* x = coord + 3 * i;
    const double f[3] = {component(box, 0, x), component(box, 1, x), component(box, 2, x)};
    for (int k = 0; k < 3; ++k) {
      if (!box.along[k]) continue;
      const double whole = floor(f[k]);
      for (int c = 0; c < 3; ++c) x[c] -= whole * box.vectors[3 * k + c];
    }
    images[i] = shifts_of(box, x).all() - 1;
  }
}

/// By one block: the lowest and highest component along each vector, 0 and 0 of no atoms.
__global__ void find_bounds(dponnx_cuda_box box, const double* coord, int64_t n, double* bounds) {
  __shared__ double found[6][kThreads];
  const int t = threadIdx.x;
  for (int k = 0; k < 3; ++k) {
    double low = n ? component(box, k, coord) : 0, high = low;
    for (int64_t i = t; i < n; i += kThreads) {
      const double f = component(box, k, coord + 3 * i);
      low = fmin(low, f), high = fmax(high, f);
    }
    found[2 * k][t] = low, found[2 * k + 1][t] = high;
  }
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t >= half) continue;
    for (int k = 0; k < 3; ++k) {
      found[2 * k][t] = fmin(found[2 * k][t], found[2 * k][t + half]);
      found[2 * k + 1][t] = fmax(found[2 * k + 1][t], found[2 * k + 1][t + half]);
    }
  }
  if (t == 0) {
    for (int b = 0; b < 6; ++b) bounds[b] = found[b][0];
  }
}

__global__ void make_images(dponnx_cuda_box box, double* coord, int32_t* type, int64_t n,
                            const int32_t* first) {
  for (int64_t i = thread_of_grid(); i < n; i += threads_of_grid()) {
    const Shifts s = shifts_of(box, coord + 3 * i);
    int64_t row = n + first[i];
    for (int image = 0; image < s.all(); ++image) {
      const int shift[3] = {s.low[0] + image / (s.count[1] * s.count[2]),
                            s.low[1] + image / s.count[2] % s.count[1],
                            s.low[2] + image % s.count[2]};
      if (shift[0] == 0 && shift[1] == 0 && shift[2] == 0) continue;
      for (int c = 0; c < 3; ++c) {
        double x = coord[3 * i + c];
        for (int k = 0; k < 3; ++k) x += shift[k] * box.vectors[3 * k + c];
        coord[3 * row + c] = x;
      }
      type[row++] = type[i];
    }
  }
}

__device__ int cell_along(const dponnx_cuda_cells& cells, int k, const double* x) {
  const double c = (component(cells.box, k, x) - cells.low[k]) * cells.per_unit[k];
  return static_cast<int>(fmin(fmax(c, 0.0), cells.n[k] - 1.0));
}

__device__ int64_t cell_of(const dponnx_cuda_cells& cells, const double* x) {
  return (int64_t(cell_along(cells, 0, x)) * cells.n[1] + cell_along(cells, 1, x)) * cells.n[2] +
         cell_along(cells, 2, x);
}

__global__ void count_rows(dponnx_cuda_cells cells, int64_t nrows, int32_t* in_cell) {
  for (int64_t i = thread_of_grid(); i < nrows; i += threads_of_grid()) {
    atomicAdd(&in_cell[cell_of(cells, cells.coord + 3 * i)], 1);
  }
}

/// In any order: order_rows follows.
__global__ void place_rows(dponnx_cuda_cells cells, int64_t nrows, const int32_t* start,
                           int32_t* taken, int32_t* rows) {
  for (int64_t i = thread_of_grid(); i < nrows; i += threads_of_grid()) {
    const int64_t cell = cell_of(cells, cells.coord + 3 * i);
    rows[start[cell] + atomicAdd(&taken[cell], 1)] = static_cast<int32_t>(i);
  }
}

/// Restores the heap of rows[0 .. n): children of `at` are heaps, at itself may be too small.
__device__ void sift(int32_t* rows, int at, int n) {
  const int32_t value = rows[at];
  for (int child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && rows[child + 1] > rows[child]) ++child;
    if (rows[child] <= value) break;
    rows[at] = rows[child];
  }
  rows[at] = value;
}

/// Rising within each cell, by heapsort.
__global__ void order_rows(int64_t ncells, const int32_t* start, int32_t* rows) {
  for (int64_t cell = thread_of_grid(); cell < ncells; cell += threads_of_grid()) {
    int32_t* mine = rows + start[cell];
    const int n = start[cell + 1] - start[cell];
    for (int at = n / 2 - 1; at >= 0; --at) sift(mine, at, n);
    for (int last = n - 1; last > 0; --last) {
      const int32_t largest = mine[0];
      mine[0] = mine[last], mine[last] = largest;
      sift(mine, 0, last);
    }
  }
}

/// The warp's atom: take(row, found) for all lanes at once, for each row in the 27 cells; found:
/// whether the lane's row is a neighbour.
template <class Take>
__device__ void each_near(const dponnx_cuda_cells& cells, int32_t atom, const Take& take) {
  const double* x = cells.coord + 3 * int64_t(atom);
  const double rcut2 = cells.box.rcut * cells.box.rcut;
  int low[3], high[3];
  for (int k = 0; k < 3; ++k) {
    const int cell = cell_along(cells, k, x);
    low[k] = cell > 0 ? cell - 1 : 0;
    high[k] = cell + 1 < cells.n[k] ? cell + 1 : cell;
  }
  for (int a = low[0]; a <= high[0]; ++a) {
    for (int b = low[1]; b <= high[1]; ++b) {
      const int64_t column = (int64_t(a) * cells.n[1] + b) * cells.n[2];
      const int32_t end = cells.start[column + high[2] + 1];
      for (int32_t at = cells.start[column + low[2]]; at < end; at += kLanes) {
        const int32_t mine = at + lane_of_warp();
        const int32_t row = mine < end ? cells.rows[mine] : atom;
        const double r2 = square_distance(x, cells.coord + 3 * int64_t(row));
        take(row, row != atom && r2 < rcut2);
      }
    }
  }
}

__global__ void count_near(dponnx_cuda_cells cells, const int32_t* atoms, int64_t n, int32_t* count,
                           int32_t* most) {
  for (int64_t p = warp_of_grid(); p < n; p += warps_of_grid()) {
    int32_t found = 0;
    each_near(cells, atoms[p],
              [&](int32_t, bool near) { found += __popc(__ballot_sync(kAllLanes, near)); });
    if (lane_of_warp() != 0) continue;
    count[p] = found;
    atomicMax(most, found);
  }
}

__global__ void list_near(dponnx_cuda_cells cells, const int32_t* atoms, int64_t n, int64_t most,
                          int32_t* neighbors) {
  for (int64_t p = warp_of_grid(); p < n; p += warps_of_grid()) {
    int64_t slot = p * most;
    each_near(cells, atoms[p], [&](int32_t row, bool near) {
      const unsigned found = __ballot_sync(kAllLanes, near);
      if (near) neighbors[slot + lanes_before(found)] = row;
      slot += __popc(found);
    });
  }
}

}  // namespace

void wrap(const dponnx_cuda_box& box, double* coord, int64_t n, int32_t* first, double* bounds,
          cudaStream_t stream) {
  launch(wrap_atoms, threads_over(kThreads, n), stream, box, coord, n, first);
  if (!box.along[0] || !box.along[1] || !box.along[2]) {
    launch(find_bounds, {1, kThreads}, stream, box, coord, n, bounds);
  }
  exclusive_scan(first, n, stream);
}

void images(const dponnx_cuda_box& box, double* coord, int32_t* type, int64_t n,
            const int32_t* first, cudaStream_t stream) {
  launch(make_images, threads_over(kThreads, n), stream, box, coord, type, n, first);
}

void grid(dponnx_cuda_cells& cells, const double* bounds, int64_t nrows) {
  double extent[3];
  for (int k = 0; k < 3; ++k) {
    const bool along = cells.box.along[k];
    const double m = reach(cells.box, k);
    cells.low[k] = along ? -m : bounds[2 * k];
    extent[k] = (along ? 1 + m : bounds[2 * k + 1]) - cells.low[k];
    cells.n[k] = static_cast<int32_t>(std::clamp(std::floor(extent[k] / m), 1.0, 1e6));
  }
  const double most = std::max(64.0, 2.0 * double(nrows));
  for (double all; (all = double(cells.n[0]) * cells.n[1] * cells.n[2]) > most;) {
    const double by = std::cbrt(most / all);
    for (int32_t& n : cells.n) n = std::max(1, static_cast<int32_t>(n * by));
  }
  for (int k = 0; k < 3; ++k) cells.per_unit[k] = extent[k] > 0 ? cells.n[k] / extent[k] : 0;
}

void sort(const dponnx_cuda_cells& cells, int64_t nrows, int32_t* start, int32_t* rows,
          cudaStream_t stream) {
  const int64_t ncells = int64_t(cells.n[0]) * cells.n[1] * cells.n[2];
  Scratch<int32_t> taken(ncells, stream);
  taken.clear();
  set_bytes(start, 0, ncells + 1, stream);
  launch(count_rows, threads_over(kThreads, nrows), stream, cells, nrows, start);
  exclusive_scan(start, ncells, stream);
  launch(place_rows, threads_over(kThreads, nrows), stream, cells, nrows, start, taken.data(),
         rows);
  launch(order_rows, threads_over(kThreads, ncells), stream, ncells, start, rows);
}

void count(const dponnx_cuda_cells& cells, const int32_t* atoms, int64_t n, int32_t* count,
           int32_t* most, cudaStream_t stream) {
  set_bytes(most, 0, 1, stream);
  launch(count_near, warps_over(kThreads, n), stream, cells, atoms, n, count, most);
}

void neighbors(const dponnx_cuda_cells& cells, const int32_t* atoms, int64_t n, int64_t most,
               int32_t* neighbors, cudaStream_t stream) {
  launch(list_near, warps_over(kThreads, n), stream, cells, atoms, n, most, neighbors);
}

}  // namespace dponnx::cuda

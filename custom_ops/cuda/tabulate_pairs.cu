// SPDX-License-Identifier: LGPL-3.0-or-later
#include "table.h"
#include "tabulate.h"

/// Tabulation of se_e3, whose pairs of neighbours are thousands an atom, and of se_e2_r, which sums
/// over none; and the check of what tables were not made for.
namespace dponnx::cuda {

namespace {

constexpr int kThreads = 128;

/// A chunk's pairs in one row give six moments, which then meet the row once for all of them.
template <class T>
__global__ void __launch_bounds__(kThreads) sums_of_pairs(TabulateArgs<T> args, int64_t n) {
  const int width = args.table.width, lane = lane_of_warp();
  for (int64_t i = warp_of_grid(); i < n; i += warps_of_grid()) {
    for (int first = 0; first < width; first += kColumnsOfWarp) {
      T sum[kColumns] = {};
      for (int64_t begin = 0; begin < args.nnei; begin += kLanes) {
        const bool any = begin + lane < args.nnei;
        const int64_t p = i * args.nnei + begin + lane;
        const T x = any ? args.em_x[p] : T(0), em = any ? args.em[p] : T(0);
        const Place<T> place = args.table.grid.place(x);
        // em = 0 adds nothing, but what is not finite has to reach the result.
        const bool counts = em != T(0) || x - x != T(0);
        for_each_key(counts ? place.row : -1, [&](int row, unsigned lanes) {
          T moments[8] = {}, a[kColumns][6];
          if (lanes >> lane & 1) add_moments(place, em, moments);
          const T moment = warp_sum_each(moments);
          load_coefficients(args.table, row, first, a);
          DPONNX_UNROLL
          for (int k = 0; k < 6; ++k) {
            const T of_k = __shfl_sync(kAllLanes, moment, k * kLanes / 8);
            DPONNX_UNROLL
            for (int b = 0; b < kColumns; ++b) sum[b] += a[b][k] * of_k;
          }
        });
      }
      store_columns(sum, width, first, args.out + i * width);
    }
  }
}

/// dy . G is the polynomial whose coefficients are dy . a_k: six products a row.
template <class T>
__global__ void __launch_bounds__(kThreads) gradients_of_pairs(TabulateArgs<T> args, int64_t n) {
  const int width = args.table.width, lane = lane_of_warp();
  for (int64_t i = warp_of_grid(); i < n; i += warps_of_grid()) {
    for (int64_t begin = 0; begin < args.nnei; begin += kLanes) {
      const bool any = begin + lane < args.nnei;
      const int64_t p = i * args.nnei + begin + lane;
      const Place<T> place = args.table.grid.place(any ? args.em_x[p] : T(0));
      T products[6] = {};
      for_each_key(any ? place.row : -1, [&](int row, unsigned lanes) {
        T part[8] = {};
        for (int first = 0; first < width; first += kColumnsOfWarp) {
          T a[kColumns][6], dy[kColumns];
          load_coefficients(args.table, row, first, a);
          load_columns(args.dy + i * width, width, first, dy);
          DPONNX_UNROLL
          for (int k = 0; k < 6; ++k) {
            DPONNX_UNROLL
            for (int b = 0; b < kColumns; ++b) part[k] += a[b][k] * dy[b];
          }
        }
        const T total = warp_sum_each(part);
        DPONNX_UNROLL
        for (int k = 0; k < 6; ++k) {
          const T of_k = __shfl_sync(kAllLanes, total, k * kLanes / 8);
          if (lanes >> lane & 1) products[k] = of_k;
        }
      });
      if (!any) continue;
      T value;
      const T slope = poly5_slope(products, place.dx, value);
      args.dem_x[p] = args.em[p] * slope;
      args.dem[p] = value + slope * place.beyond;
    }
  }
}

/// A warp 32 neighbours.
template <class T>
__global__ void __launch_bounds__(kThreads) values_of_neighbors(TabulateArgs<T> args, int64_t n) {
  const int width = args.table.width, lane = lane_of_warp();
  for (int64_t begin = warp_of_grid() * kLanes; begin < n; begin += warps_of_grid() * kLanes) {
    const bool any = begin + lane < n;
    const Place<T> place = args.table.grid.place(any ? args.em_x[begin + lane] : T(0));
    for (int first = 0; first < width; first += kColumnsOfWarp) {
      for_each_entry(args.table, any ? place.row : -1, first, [&](int q, const T(&a)[kColumns][6]) {
        const T dx = __shfl_sync(kAllLanes, place.dx, q);
        const T beyond = __shfl_sync(kAllLanes, place.beyond, q);
        T value[kColumns];
        DPONNX_UNROLL
        for (int b = 0; b < kColumns; ++b) value[b] = value_at(a[b], dx, beyond);
        store_columns(value, width, first, args.out + (begin + q) * width);
      });
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    gradients_of_neighbors(TabulateArgs<T> args, int64_t n) {
  const int width = args.table.width, lane = lane_of_warp();
  for (int64_t begin = warp_of_grid() * kLanes; begin < n; begin += warps_of_grid() * kLanes) {
    const bool any = begin + lane < n;
    const Place<T> place = args.table.grid.place(any ? args.em_x[begin + lane] : T(0));
    T mine = T(0);
    for (int first = 0; first < width; first += kColumnsOfWarp) {
      for_each_entry(args.table, any ? place.row : -1, first, [&](int q, const T(&a)[kColumns][6]) {
        const T dx = __shfl_sync(kAllLanes, place.dx, q);
        T dy[kColumns], part = T(0), value;
        load_columns(args.dy + (begin + q) * width, width, first, dy);
        DPONNX_UNROLL
        for (int b = 0; b < kColumns; ++b) part += poly5_slope(a[b], dx, value) * dy[b];
        const T total = warp_sum(part);
        if (lane == q) mine += total;
      });
    }
    if (any) args.dem_x[begin + lane] = mine;
  }
}

/// partial [blocks, 2].
template <class T>
__global__ void overflow_of_inputs(TableGrid<T> grid, const T* x, int64_t n, double* partial) {
  int64_t counts[2] = {};
  for (int64_t k = thread_of_grid(); k < n; k += threads_of_grid()) {
    counts[0] += grid.is_coarse(x[k]);
    counts[1] += grid.is_outside(x[k]);
  }
  block_sums(counts, partial);
}

}  // namespace

template <class T>
void tabulate_pairs(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream) {
  launch(sums_of_pairs<T>, warps_over(kThreads, n), stream, args, n);
}

template <class T>
void tabulate_pairs_grad(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream) {
  launch(gradients_of_pairs<T>, warps_over(kThreads, n), stream, args, n);
}

template <class T>
void tabulate_each(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream) {
  launch(values_of_neighbors<T>, threads_over(kThreads, n), stream, args, n);
}

template <class T>
void tabulate_each_grad(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream) {
  launch(gradients_of_neighbors<T>, threads_over(kThreads, n), stream, args, n);
}

template <class T>
void count_overflow(const TableGrid<T>& grid, const T* x, int64_t n, int64_t* counts,
                    cudaStream_t stream) {
  constexpr int kCountThreads = 256;
  const int64_t blocks = blocks_for_sums(n, kCountThreads);
  Scratch<double> partial(2 * blocks, stream);
  launch(overflow_of_inputs<T>, {blocks, kCountThreads}, stream, grid, x, n, partial.data());
  launch(sum_of_blocks<2, int64_t>, {1, 2 * kLanes}, stream, partial.data(), blocks, counts);
}

#define DPONNX_INSTANTIATE(T)                                                       \
  template void tabulate_pairs(const TabulateArgs<T>&, int64_t, cudaStream_t);      \
  template void tabulate_pairs_grad(const TabulateArgs<T>&, int64_t, cudaStream_t); \
  template void tabulate_each(const TabulateArgs<T>&, int64_t, cudaStream_t);       \
  template void tabulate_each_grad(const TabulateArgs<T>&, int64_t, cudaStream_t);  \
  template void count_overflow(const TableGrid<T>&, const T*, int64_t, int64_t*, cudaStream_t);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx::cuda

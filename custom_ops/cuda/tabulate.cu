// SPDX-License-Identifier: LGPL-3.0-or-later
#include "tabulate.h"

#include <dponnx/bits.h>

#include "report.h"
#include "table.h"

/// A warp an atom. Its neighbours go by in chunks of 32:
///
/// 1. Each lane looks up one neighbour (row, dx). Neighbours that are the bits of the one before,
///    such as padding, are left to the first of them.
/// 2. Row by row of those that the chunk meets, the lanes turn to the outputs: the row's
///    coefficients are loaded once, then every neighbour in it is added (forward), or its sums over
///    the outputs go back to its lane (gradient).
namespace dponnx::cuda {

namespace {

constexpr int kThreads = 128, kWarps = kThreads / kLanes;

/// One chunk: what the lanes have to know of each other's neighbours.
template <bool Gated, class T>
struct Chunk {
  T dx[kLanes], beyond[kLanes], em[4][kLanes];
  T gate_scale[Gated ? kLanes : 1];
  const T* gate[Gated ? kLanes : 1];  ///< row of numbers [width]
};

/// What a lane knows of its own neighbour.
struct Looked {
  int row;         ///< -1: none, or the same bits as the neighbour before
  unsigned heads;  ///< lanes that are not the same as the one before
};

template <bool Gated, class T>
__device__ bool same_as_before(const TabulateArgs<T>& args, int64_t j) {
  if (!same_bits(args.em_x + j, args.em_x + j - 1, 1)) return false;
  if (!same_bits(args.em + 4 * j, args.em + 4 * (j - 1), 4)) return false;
  if constexpr (Gated) {
    if (args.gates.index[j] != args.gates.index[j - 1]) return false;
    if (args.gates.scale && !same_bits(args.gates.scale + j, args.gates.scale + j - 1, 1)) {
      return false;
    }
  }
  return true;
}

/// Looks up neighbours [begin, begin + count) of all, one a lane; count <= 32. weighted: em counts
/// as often as the neighbour is repeated.
template <bool Gated, class T>
__device__ Looked look_up(const TabulateArgs<T>& args, int64_t begin, int count, bool weighted,
                          int64_t n_gates, Report* report, Chunk<Gated, T>& chunk) {
  const int lane = lane_of_warp();
  const int64_t j = begin + lane;
  const bool head = lane < count && (lane == 0 || !same_as_before<Gated>(args, j));
  const unsigned heads = __ballot_sync(kAllLanes, head);
  if (!head) return {-1, heads};
  const unsigned after = heads & ~((2u << lane) - 1);
  const int end = after != 0 ? __ffs(static_cast<int>(after)) - 1 : count;
  const Place<T> place = args.table.grid.place(args.em_x[j]);
  chunk.dx[lane] = place.dx;
  chunk.beyond[lane] = place.beyond;
  const T weight = weighted ? T(end - lane) : T(1);
  for (int c = 0; c < 4; ++c) chunk.em[c][lane] = args.em[4 * j + c] * weight;
  if constexpr (Gated) {
    const int32_t gate = args.gates.index[j];
    if (gate < 0 || gate >= n_gates) {
      tell(report, Finding::two_index, j, 1, gate, n_gates - 1);
      return {-1, heads};
    }
    chunk.gate[lane] = args.gates.rows + int64_t(gate) * args.table.width;
    chunk.gate_scale[lane] = args.gates.scale ? args.gates.scale[j] : T(1);
  }
  return {place.row, heads};
}

/// How many of nnei neighbours the chunk has that begins with neighbour `first`.
__device__ int count_of_chunk(int64_t nnei, int64_t first) {
  return nnei - first < kLanes ? static_cast<int>(nnei - first) : kLanes;
}

template <bool Gated, class T>
__global__ void __launch_bounds__(kThreads)
    sums_of_atoms(TabulateArgs<T> args, int64_t n, int64_t n_gates, Report* report) {
  __shared__ Chunk<Gated, T> chunks[kWarps];
  Chunk<Gated, T>& chunk = chunks[warp_of_block()];
  const int width = args.table.width;
  for (int64_t i = warp_of_grid(); i < n; i += warps_of_grid()) {
    for (int first = 0; first < width; first += kColumnsOfWarp) {
      T sum[4][kColumns] = {};
      for (int64_t begin = 0; begin < args.nnei; begin += kLanes) {
        const Looked mine = look_up(args, i * args.nnei + begin, count_of_chunk(args.nnei, begin),
                                    true, n_gates, report, chunk);
        __syncwarp();
        for_each_entry(args.table, mine.row, first, [&](int q, const T(&a)[kColumns][6]) {
          T gate[kColumns];
          if constexpr (Gated) load_columns(chunk.gate[q], width, first, gate);
          DPONNX_UNROLL
          for (int b = 0; b < kColumns; ++b) {
            if (first + b * kLanes >= width) continue;
            T value = value_at(a[b], chunk.dx[q], chunk.beyond[q]);
            if constexpr (Gated) value += value * gate[b] * chunk.gate_scale[q];
            DPONNX_UNROLL
            for (int c = 0; c < 4; ++c) sum[c][b] += value * chunk.em[c][q];
          }
        });
        __syncwarp();  // the next chunk overwrites this one
      }
      for (int c = 0; c < 4; ++c) {
        store_columns(sum[c], width, first, args.out + (4 * i + c) * width);
      }
    }
  }
}

/// With t = sum_c dy[c] em[c] and gain = 1 + scale gate: of em[c] dy[c] . G gain, of x t . G' gain,
/// of scale t . G gate.
template <bool Gated, class T>
__global__ void __launch_bounds__(kThreads)
    gradients_of_atoms(TabulateArgs<T> args, int64_t n, int64_t n_gates, Report* report) {
  constexpr int kX = 4, kScale = 5, kSums = 8;  // places of the sums; 8: a power of two
  __shared__ Chunk<Gated, T> chunks[kWarps];
  __shared__ T of_neighbors[kWarps][kScale + 1][kLanes];
  Chunk<Gated, T>& chunk = chunks[warp_of_block()];
  T(&of_neighbor)[kScale + 1][kLanes] = of_neighbors[warp_of_block()];
  const int width = args.table.width, lane = lane_of_warp();
  for (int64_t i = warp_of_grid(); i < n; i += warps_of_grid()) {
    for (int64_t begin = 0; begin < args.nnei; begin += kLanes) {
      const int count = count_of_chunk(args.nnei, begin);
      const int64_t j = i * args.nnei + begin + lane;
      for (int k = 0; k <= kScale; ++k) of_neighbor[k][lane] = T(0);
      const Looked mine = look_up(args, j - lane, count, false, n_gates, report, chunk);
      __syncwarp();
      for (int first = 0; first < width; first += kColumnsOfWarp) {
        T dy[4][kColumns];
        for (int c = 0; c < 4; ++c) {
          load_columns(args.dy + (4 * i + c) * width, width, first, dy[c]);
        }
        for_each_entry(args.table, mine.row, first, [&](int q, const T(&a)[kColumns][6]) {
          T gate[kColumns], sums[kSums] = {};
          if constexpr (Gated) load_columns(chunk.gate[q], width, first, gate);
          DPONNX_UNROLL
          for (int b = 0; b < kColumns; ++b) {
            if (first + b * kLanes >= width) continue;
            T value, slope = slope_at(a[b], chunk.dx[q], chunk.beyond[q], value), total = T(0);
            DPONNX_UNROLL
            for (int c = 0; c < 4; ++c) total += dy[c][b] * chunk.em[c][q];
            if constexpr (Gated) {
              const T more = gate[b] * chunk.gate_scale[q];
              sums[kScale] += total * value * gate[b];
              value += value * more;
              slope += slope * more;
            }
            sums[kX] += total * slope;
            DPONNX_UNROLL
            for (int c = 0; c < 4; ++c) sums[c] += dy[c][b] * value;
          }
          const T sum = warp_sum_each(sums);
          constexpr int kEach = kLanes / kSums;  // lanes that have the same sum
          const int k = lane / kEach;
          if (lane % kEach == 0 && k <= kScale) of_neighbor[k][q] += sum;
        });
      }
      __syncwarp();
      if (lane < count) {
        const unsigned before = mine.heads & ((2u << lane) - 1);
        const int head = kLanes - 1 - __clz(static_cast<int>(before));
        args.dem_x[j] = of_neighbor[kX][head];
        for (int c = 0; c < 4; ++c) args.dem[4 * j + c] = of_neighbor[c][head];
        if (Gated && args.dscale) args.dscale[j] = of_neighbor[kScale][head];
      }
      __syncwarp();
    }
  }
}

}  // namespace

template <bool Gated, class T>
void tabulate(const TabulateArgs<T>& args, int64_t n, int64_t n_gates, cudaStream_t stream) {
  launch(sums_of_atoms<Gated, T>, warps_over(kThreads, n), stream, args, n, n_gates,
         report_of_device());
}

template <bool Gated, class T>
void tabulate_grad(const TabulateArgs<T>& args, int64_t n, int64_t n_gates, cudaStream_t stream) {
  launch(gradients_of_atoms<Gated, T>, warps_over(kThreads, n), stream, args, n, n_gates,
         report_of_device());
}

#define DPONNX_INSTANTIATE(T)                                                                 \
  template void tabulate<false>(const TabulateArgs<T>&, int64_t, int64_t, cudaStream_t);      \
  template void tabulate<true>(const TabulateArgs<T>&, int64_t, int64_t, cudaStream_t);       \
  template void tabulate_grad<false>(const TabulateArgs<T>&, int64_t, int64_t, cudaStream_t); \
  template void tabulate_grad<true>(const TabulateArgs<T>&, int64_t, int64_t, cudaStream_t);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "environment.h"

#include "neighbors.h"
#include "warp.h"

namespace dponnx::cuda {

namespace {

constexpr int kThreads = 128, kWarps = kThreads / kLanes;

template <class T>
__global__ void invert(const T* x, T* inverse, int64_t n) {
  for (int64_t k = thread_of_grid(); k < n; k += threads_of_grid()) inverse[k] = T(1) / x[k];
}

/// Row, derivative and r_ij of one slot, all zero at first.
template <int C, class T>
struct SlotRow {
  T row[C] = {}, deriv[3 * C] = {}, rij[3] = {};
};

/// Slot s of [nloc, nnei].
template <int C, class T>
__device__ SlotRow<C, T> row_of_slot(const EnvironmentArgs<T>& args, int64_t s) {
  SlotRow<C, T> out;
  const int64_t i = s / args.nnei;
  const int type = args.atype[i];
  if (type < 0 || type >= args.n_types) return out;  // a virtual atom; one reported
  const int64_t j = args.nlist[s];
  if (j >= 0) {
    difference(args.coord, i, j, out.rij);
    env_row<T>(out.rij, args.cut, out.row, out.deriv);
  }
  const int64_t statistics = (type * int64_t(args.nnei) + s % args.nnei) * C;
  for (int c = 0; c < C; ++c) {
    const T inv_std = args.inv_std[statistics + c];
    out.row[c] = (out.row[c] - args.avg[statistics + c]) * inv_std;
    for (int k = 0; k < 3; ++k) out.deriv[3 * c + k] *= inv_std;
  }
  return out;
}

/// Writes the lanes' numbers one after the other, of the first `count` lanes, by way of stage
/// [32 N]: lanes next to each other then write next to each other.
template <int N, class T>
__device__ void store_of_lanes(const T (&mine)[N], int count, T* stage, T* out) {
  for (int k = 0; k < N; ++k) stage[lane_of_warp() * N + k] = mine[k];
  __syncwarp();
  for (int k = lane_of_warp(); k < count * N; k += kLanes) out[k] = stage[k];
  __syncwarp();
}

/// A warp 32 slots, which need not be one atom's.
template <int C, class T>
__global__ void __launch_bounds__(kThreads) rows_of_slots(EnvironmentArgs<T> args) {
  __shared__ T stages[kWarps][kLanes * 3 * C];  // of the widest of the three
  T* stage = stages[warp_of_block()];
  const int64_t n = args.nloc * args.nnei;
  for (int64_t first = warp_of_grid() * kLanes; first < n; first += warps_of_grid() * kLanes) {
    const int count = n - first < kLanes ? static_cast<int>(n - first) : kLanes;
    const int64_t s = first + lane_of_warp();
    SlotRow<C, T> mine;
    if (s < n) mine = row_of_slot<C>(args, s);
    store_of_lanes(mine.row, count, stage, args.descrpt + first * C);
    store_of_lanes(mine.deriv, count, stage, args.deriv + first * 3 * C);
    store_of_lanes(mine.rij, count, stage, args.rij + first * 3);
    if (s < n && args.ntype) {
      const int32_t j = args.nlist[s];
      args.ntype[s] = j < 0 ? args.n_types : args.atype[j];
      args.nmask[s] = j >= 0;
    }
  }
}

}  // namespace

template <int C, class T>
void fill_environment(EnvironmentArgs<T> args, cudaStream_t stream) {
  if (args.sel_overflow) set_bytes(args.sel_overflow, 0, args.n_types, stream);
  place_neighbors<T>({args, args.nall, 0, args.nloc, args.n_types, args.mixed, args.nnei,
                      args.nlist, nullptr, args.sel_overflow},
                     stream);
  const int64_t n_statistics = int64_t(args.n_types) * args.nnei * C;
  Scratch<T> inv_std(n_statistics, stream);
  launch(invert<T>, threads_over(kThreads, n_statistics), stream, args.std, inv_std.data(),
         n_statistics);
  args.inv_std = inv_std.data();
  launch(rows_of_slots<C, T>, threads_over(kThreads, args.nloc * args.nnei), stream, args);
}

template void fill_environment<4>(EnvironmentArgs<float>, cudaStream_t);
template void fill_environment<4>(EnvironmentArgs<double>, cudaStream_t);
template void fill_environment<1>(EnvironmentArgs<float>, cudaStream_t);
template void fill_environment<1>(EnvironmentArgs<double>, cudaStream_t);

}  // namespace dponnx::cuda

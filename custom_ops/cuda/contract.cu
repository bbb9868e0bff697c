// SPDX-License-Identifier: LGPL-3.0-or-later
#include "contract.h"

#include "table.h"
#include "warp.h"

/// A warp an atom; a lane has 4 columns m of T, 128 a warp at a time.
namespace dponnx::cuda {

namespace {

constexpr int kWarps = 4, kThreads = kWarps * kLanes;

/// The lane's columns of T [4, width] from column `first` on.
template <class T>
__device__ void load_all(const T* t, int width, int first, T (&of_t)[4][kColumns]) {
  for (int c = 0; c < 4; ++c) load_columns(t + c * width, width, first, of_t[c]);
}

template <class T>
__global__ void __launch_bounds__(kThreads) contract_atoms(ContractArgs<T> args, int64_t n) {
  const int width = args.width;
  for (int64_t i = warp_of_grid(); i < n; i += warps_of_grid()) {
    const T* t = args.t + i * 4 * width;
    for (int first = 0; first < width; first += kColumnsOfWarp) {
      T of_t[4][kColumns];
      load_all(t, width, first, of_t);
      T* out = args.d + i * args.size;
      for (int a = 0; a < args.axis; out += width - a, ++a) {
        DPONNX_UNROLL
        for (int b = 0; b < kColumns; ++b) {
          const int m = first + lane_of_warp() + b * kLanes;
          T total = t[a] * of_t[0][b];
          for (int c = 1; c < 4; ++c) total += t[c * width + a] * of_t[c][b];
          if (m >= a && m < width) out[m - a] = total;
        }
      }
    }
  }
}

/// dt[c][m] = sum_a dy[a][m] T[c][a] + (m < axis) sum_m' dy[m][m'] T[c][m']: the second sum goes to
/// of_axis [4, axis] and is added at the end.
template <class T>
__device__ void gradient_of_atom(const ContractArgs<T>& args, int64_t i, T* of_axis) {
  const int width = args.width, lane = lane_of_warp();
  const T* t = args.t + i * 4 * width;
  T* dt = args.dt + i * 4 * width;
  for (int k = lane; k < 4 * args.axis; k += kLanes) of_axis[k] = T(0);
  __syncwarp();
  for (int first = 0; first < width; first += kColumnsOfWarp) {
    T of_t[4][kColumns], total[4][kColumns] = {};
    load_all(t, width, first, of_t);
    const T* dy = args.dd + i * args.size;
    for (int a = 0; a < args.axis; dy += width - a, ++a) {
      T products[4] = {};
      DPONNX_UNROLL
      for (int b = 0; b < kColumns; ++b) {
        const int m = first + lane + b * kLanes;
        const T of_dy = m >= a && m < width ? dy[m - a] : T(0);
        DPONNX_UNROLL
        for (int c = 0; c < 4; ++c) {
          total[c][b] += of_dy * t[c * width + a];
          products[c] += of_dy * of_t[c][b];
        }
      }
      const T sum = warp_sum_each(products);
      if (lane % 8 == 0) of_axis[lane / 8 * args.axis + a] += sum;
    }
    for (int c = 0; c < 4; ++c) store_columns(total[c], width, first, dt + c * width);
  }
  __syncwarp();
  for (int k = lane; k < 4 * args.axis; k += kLanes) {
    dt[k / args.axis * width + k % args.axis] += of_axis[k];
  }
  __syncwarp();
}

template <class T>
__global__ void __launch_bounds__(kThreads) gradient_of_atoms(ContractArgs<T> args, int64_t n) {
  T* of_axis = dynamic_shared<T>() + warp_of_block() * 4 * args.axis;
  for (int64_t i = warp_of_grid(); i < n; i += warps_of_grid()) gradient_of_atom(args, i, of_axis);
}

}  // namespace

template <class T>
void contract(const ContractArgs<T>& args, int64_t n, cudaStream_t stream) {
  launch(contract_atoms<T>, warps_over(kThreads, n), stream, args, n);
}

template <class T>
void contract_gradient(const ContractArgs<T>& args, int64_t n, cudaStream_t stream) {
  const size_t shared = sizeof(T) * kWarps * 4 * args.axis;
  launch(gradient_of_atoms<T>, {blocks_for(n, kWarps), kThreads, shared}, stream, args, n);
}

#define DPONNX_INSTANTIATE(T)                                            \
  template void contract(const ContractArgs<T>&, int64_t, cudaStream_t); \
  template void contract_gradient(const ContractArgs<T>&, int64_t, cudaStream_t);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx::cuda

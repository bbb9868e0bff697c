// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"

/// Work that the 32 threads of a warp, or all of a block, do together. Every thread of them has to
/// call these functions. Sums are in an order that depends on the launch only.
namespace dponnx::cuda {

#if defined(__CUDACC__)
#define DPONNX_UNROLL _Pragma("unroll")
#else
#define DPONNX_UNROLL
#endif

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
constexpr unsigned kAllLanes = 0xffffffffu;

/// This thread's place in its warp, the warp's number in its block, and in the grid.
__device__ inline int lane_of_warp() { return static_cast<int>(threadIdx.x % kLanes); }
__device__ inline int warp_of_block() { return static_cast<int>(threadIdx.x / kLanes); }
__device__ inline int64_t warp_of_grid() { return thread_of_grid() / kLanes; }
__device__ inline int64_t warps_of_grid() { return threads_of_grid() / kLanes; }

/// body(key, lanes) once for each key >= 0 that lanes hold, with the mask of the lanes that hold
/// it.
template <class Body>
__device__ void for_each_key(int key, const Body& body) {
  unsigned left = __ballot_sync(kAllLanes, key >= 0);
  while (left != 0) {
    const int now = __shfl_sync(kAllLanes, key, __ffs(static_cast<int>(left)) - 1);
    const unsigned lanes = __ballot_sync(kAllLanes, key == now);
    left &= ~lanes;
    body(now, lanes);
  }
}

/// body(lane) for each lane of a mask.
template <class Body>
__device__ void for_each_lane(unsigned lanes, const Body& body) {
  for (; lanes != 0; lanes &= lanes - 1) body(__ffs(static_cast<int>(lanes)) - 1);
}

/// How many lanes of a mask come before this one.
__device__ inline int lanes_before(unsigned lanes) {
  return __popc(lanes & ((1u << lane_of_warp()) - 1));
}

/// Sum over the lanes, the same bits in each.
template <class T>
__device__ T warp_sum(T value) {
  DPONNX_UNROLL
  for (int bits = kLanes / 2; bits > 0; bits /= 2) value += __shfl_xor_sync(kAllLanes, value, bits);
  return value;
}

/// Sums over the lanes of each v[k], N a power of two up to 32: lane l gets that of k = l N / 32.
/// Costs N + log2(32 / N) - 1 exchanges, where N warp_sum cost 5 N. Overwrites v.
template <int N, class T>
__device__ T warp_sum_each(T (&v)[N]) {
  static_assert(N > 0 && (N & (N - 1)) == 0 && N <= kLanes);
  const int lane = lane_of_warp();
  int bits = kLanes / 2;
  DPONNX_UNROLL
  for (int half = N / 2; half > 0; half /= 2, bits /= 2) {
    const bool upper = (lane & bits) != 0;  // keeps the upper half of v, gives away the lower
    DPONNX_UNROLL
    for (int k = 0; k < half; ++k) {
      const T give = upper ? v[k] : v[k + half];
      v[k] = (upper ? v[k + half] : v[k]) + __shfl_xor_sync(kAllLanes, give, bits);
    }
  }
  T total = v[0];
  DPONNX_UNROLL
  for (; bits > 0; bits /= 2) total += __shfl_xor_sync(kAllLanes, total, bits);
  return total;
}

/// Writes partial[block, k] = sum of v[k] over the block's threads.
template <int K, class T>
__device__ void block_sums(const T (&v)[K], double* partial) {
  __shared__ double of_warp[kLanes][K];
  for (int k = 0; k < K; ++k) {
    const double total = warp_sum(static_cast<double>(v[k]));
    if (lane_of_warp() == 0) of_warp[warp_of_block()][k] = total;
  }
  __syncthreads();
  const int k = static_cast<int>(threadIdx.x), warps = static_cast<int>(blockDim.x) / kLanes;
  if (k < K) {
    double total = 0;
    for (int w = 0; w < warps; ++w) total += of_warp[w][k];
    partial[int64_t(blockIdx.x) * K + k] = total;
  }
}

/// out[k] = sum of partial[block, k] over n blocks: one block of K warps.
template <int K, class T>
__global__ void sum_of_blocks(const double* partial, int64_t n, T* out) {
  const int k = warp_of_block();
  double total = 0;
  for (int64_t block = lane_of_warp(); block < n; block += kLanes) total += partial[block * K + k];
  total = warp_sum(total);
  if (lane_of_warp() == 0) out[k] = static_cast<T>(total);
}
#endif

/// Blocks that write partial sums of n items, `each` a block: not more than one warp sums quickly.
inline int64_t blocks_for_sums(int64_t n, int64_t each) {
  constexpr int64_t kMost = 1024;
  const int64_t blocks = blocks_for(n, each);
  return blocks < kMost ? blocks : kMost;
}

}  // namespace dponnx::cuda

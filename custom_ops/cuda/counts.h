// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
/// Counts that threads add to in any order: the same in every order.
namespace dponnx::cuda {

/// *to = max(*to, value).
__device__ inline void grow_to(int64_t* to, long long value) {
  static_assert(sizeof(int64_t) == sizeof(long long));
  atomicMax(reinterpret_cast<long long*>(to), value);
}

/// *to += value.
__device__ inline void count_up(int64_t* to, unsigned long long value) {
  atomicAdd(reinterpret_cast<unsigned long long*>(to), value);
}

}  // namespace dponnx::cuda
#endif

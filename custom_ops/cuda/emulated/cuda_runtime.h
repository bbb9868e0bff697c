// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>

/// The part of CUDA that our kernels use, on one CPU thread, for tests on machines without a GPU.
///
/// Blocks run one after the other. The threads of a block are contexts of their own that take
/// turns: each runs until it waits (__syncthreads, __syncwarp, a shuffle or a vote) or ends. A
/// barrier that some thread never reaches is an error, as is a warp function called by some
/// threads of its mask only. The order of turns can be reversed (DPONNX_EMULATED_ORDER=reverse):
/// results that change are races. Interfaces are those of NVIDIA's CUDA C++ programming guide.

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __shared__ static thread_local  // one block at a time runs on a thread of the CPU

struct dim3 {
  unsigned x, y, z;
  dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

namespace emulated {

/// Where the running thread stands.
struct Thread {
  dim3 grid, block, block_index, thread_index;
};
Thread& self();

/// Runs body() once for each thread of each block.
void run(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& body);
void* dynamic_shared();

void wait_for_block();
void wait_for_warp(unsigned mask);
/// Gives `value` to all lanes of the mask and returns that of `lane` (of the same warp).
uint64_t exchange(unsigned mask, uint64_t value, int lane);
unsigned ballot(unsigned mask, bool vote);

template <class T>
T exchange_of(unsigned mask, T value, int lane) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = exchange(mask, bits, lane);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

inline int lane() { return static_cast<int>(self().thread_index.x % 32); }

}  // namespace emulated

#define gridDim (emulated::self().grid)
#define blockDim (emulated::self().block)
#define blockIdx (emulated::self().block_index)
#define threadIdx (emulated::self().thread_index)
constexpr int warpSize = 32;

inline void __syncthreads() { emulated::wait_for_block(); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulated::wait_for_warp(mask); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32) {
  const int first = emulated::lane() / width * width;
  return emulated::exchange_of(mask, value, first + from % width);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
  const int lane = emulated::lane(), to = lane ^ bits;
  return emulated::exchange_of(mask, value, to / width == lane / width ? to : lane);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const int lane = emulated::lane(), to = lane + static_cast<int>(by);
  return emulated::exchange_of(mask, value, to / width == lane / width ? to : lane);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32) {
  const int lane = emulated::lane(), to = lane - static_cast<int>(by);
  return emulated::exchange_of(mask, value, to >= lane / width * width ? to : lane);
}
inline unsigned __ballot_sync(unsigned mask, bool vote) { return emulated::ballot(mask, vote); }
inline int __any_sync(unsigned mask, bool vote) { return emulated::ballot(mask, vote) != 0; }
inline int __all_sync(unsigned mask, bool vote) { return emulated::ballot(mask, !vote) == 0; }
inline int __popc(unsigned bits) { return __builtin_popcount(bits); }
inline int __clz(int bits) { return bits ? __builtin_clz(static_cast<unsigned>(bits)) : 32; }
inline int __ffs(int bits) { return __builtin_ffs(bits); }
template <class T>
T __ldg(const T* p) {
  return *p;
}

template <class T>
T atomicAdd(T* to, T value) {
  const T old = *to;
  *to += value;
  return old;
}
template <class T>
T atomicMax(T* to, T value) {
  const T old = *to;
  if (value > old) *to = value;
  return old;
}
template <class T>
T atomicCAS(T* to, T expected, T value) {
  const T old = *to;
  if (old == expected) *to = value;
  return old;
}
template <class T>
T atomicExch(T* to, T value) {
  const T old = *to;
  *to = value;
  return old;
}
template <class T>
T atomicOr(T* to, T value) {
  const T old = *to;
  *to |= value;
  return old;
}
inline long long __double2ll_rn(double x) { return std::llrint(x); }
inline double __ll2double_rn(long long x) { return static_cast<double>(x); }

// Memory of the device is memory of the host.
using cudaStream_t = struct CUstream_st*;
enum cudaError_t { cudaSuccess = 0, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind {
  cudaMemcpyHostToDevice,
  cudaMemcpyDeviceToHost,
  cudaMemcpyDeviceToDevice,
  cudaMemcpyDefault
};
constexpr unsigned cudaHostAllocPortable = 1, cudaHostAllocMapped = 2;

inline const char* cudaGetErrorString(cudaError_t e) { return e ? "out of memory" : "no error"; }
inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaGetDevice(int* device) { return *device = 0, cudaSuccess; }
inline cudaError_t cudaMalloc(void** p, size_t bytes) {
  *p = std::malloc(bytes);  // not set: valgrind and the sanitizers see what kernels read too early
  return *p ? cudaSuccess : cudaErrorMemoryAllocation;
}
inline cudaError_t cudaFree(void* p) { return std::free(p), cudaSuccess; }
inline cudaError_t cudaMallocAsync(void** p, size_t n, cudaStream_t) { return cudaMalloc(p, n); }
inline cudaError_t cudaFreeAsync(void* p, cudaStream_t) { return cudaFree(p); }
inline cudaError_t cudaHostAlloc(void** p, size_t n, unsigned) { return cudaMalloc(p, n); }
inline cudaError_t cudaFreeHost(void* p) { return cudaFree(p); }
inline cudaError_t cudaMemcpy(void* to, const void* from, size_t n, cudaMemcpyKind) {
  return std::memcpy(to, from, n), cudaSuccess;
}
inline cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, cudaMemcpyKind kind,
                                   cudaStream_t) {
  return cudaMemcpy(to, from, n, kind);
}
inline cudaError_t cudaMemset(void* p, int value, size_t n) {
  return std::memset(p, value, n), cudaSuccess;
}
inline cudaError_t cudaMemsetAsync(void* p, int value, size_t n, cudaStream_t) {
  return cudaMemset(p, value, n);
}
inline cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

// One device, whose streams do their work at once.
constexpr cudaError_t cudaErrorInvalidDevice = cudaError_t(101);
using cudaEvent_t = struct CUevent_st*;
constexpr unsigned cudaStreamNonBlocking = 1, cudaEventDisableTiming = 2;

inline cudaError_t cudaGetDeviceCount(int* devices) { return *devices = 1, cudaSuccess; }
inline cudaError_t cudaSetDevice(int device) {
  return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
inline cudaError_t cudaMemGetInfo(size_t* free, size_t* all) {
  return *free = *all = size_t(1) << 30, cudaSuccess;
}
inline cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  return *stream = nullptr, cudaSuccess;
}
inline cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return *event = nullptr, cudaSuccess;
}
inline cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return cudaSuccess; }
inline cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return cudaSuccess; }
inline cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "error.h"

/// What all CUDA kernels share: launches, memory, checked calls. Nothing of ONNX Runtime.
///
/// The same sources compile twice: with nvcc for the GPU, and with the C++ compiler against
/// emulated/cuda_runtime.h, where a block's threads take turns on the CPU (tests without a GPU).
namespace dponnx::cuda {

/// Throws Error unless a call of the CUDA runtime succeeded.
inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  fail(Code::unsupported_machine, what, ": ", cudaGetErrorString(status));
}

/// The number of the device that calls of this thread go to.
inline int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "current CUDA device");
  return device;
}

/// Sets every byte of n numbers on the device, in the order of the stream.
template <class T>
void set_bytes(T* to, int byte, int64_t n, cudaStream_t stream) {
  check(cudaMemsetAsync(to, byte, n * sizeof(T), stream), "setting memory on the device");
}

/// Threads of a launch. Kernels loop over what a grid of this many blocks leaves over.
struct Shape {
  int64_t blocks;
  int threads;            ///< a block, at most 1024; a multiple of kLanes where warps work together
  size_t shared_bytes{};  ///< of dynamic_shared()
};

constexpr int64_t kMostBlocks = 1 << 30;

/// Blocks for n items, `each` a block; at least one.
inline int64_t blocks_for(int64_t n, int64_t each) {
  const int64_t blocks = (n + each - 1) / each;
  return blocks < 1 ? 1 : blocks > kMostBlocks ? kMostBlocks : blocks;
}

constexpr int kLanes = 32;  ///< threads of a warp

/// A launch with a thread, or a warp, for each of n items, in blocks of so many threads.
inline Shape threads_over(int threads, int64_t n) { return {blocks_for(n, threads), threads}; }
inline Shape warps_over(int threads, int64_t n) {
  return {blocks_for(n, threads / kLanes), threads};
}

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
/// The shared memory that the launch asked for, the same for all threads of the block.
template <class T>
__device__ T* dynamic_shared() {
#ifdef DPONNX_CUDA_EMULATED
  return static_cast<T*>(emulated::dynamic_shared());
#else
  extern __shared__ __align__(16) unsigned char dponnx_dynamic_shared[];
  return reinterpret_cast<T*>(dponnx_dynamic_shared);
#endif
}

/// Starts kernel(args...) on the stream. Throws Error where CUDA refuses the launch.
template <class... Params, class... Args>
void launch(void (*kernel)(Params...), const Shape& shape, cudaStream_t stream,
            const Args&... args) {
  const dim3 grid(static_cast<unsigned>(shape.blocks)), block(shape.threads);
#ifdef DPONNX_CUDA_EMULATED
  (void)stream;
  emulated::run(grid, block, shape.shared_bytes, [&] { kernel(static_cast<Params>(args)...); });
#else
  constexpr size_t kAlways = 48 * 1024;  // more has to be asked for
  if (shape.shared_bytes > kAlways) {
    check(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                               cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.shared_bytes)),
          "shared memory of a kernel");
  }
  kernel<<<grid, block, shape.shared_bytes, stream>>>(static_cast<Params>(args)...);
#endif
  check(cudaGetLastError(), "launch of a kernel");
}

/// The number of this thread in the grid, and of threads in it.
__device__ inline int64_t thread_of_grid() {
  return int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t threads_of_grid() { return int64_t(gridDim.x) * blockDim.x; }
#endif

/// n numbers on the device, kept until this goes; copied from the host at once.
template <class T>
class DeviceArray {
 public:
  DeviceArray() = default;
  DeviceArray(const T* host, int64_t n) : size_(n) {
    void* memory = nullptr;
    check(cudaMalloc(&memory, (n > 0 ? n : 1) * sizeof(T)), "memory on the device");
    data_.reset(static_cast<T*>(memory));
    if (n > 0) {
      check(cudaMemcpy(memory, host, n * sizeof(T), cudaMemcpyHostToDevice), "copy to the device");
    }
  }
  explicit DeviceArray(const std::vector<T>& host) : DeviceArray(host.data(), host.size()) {}

  const T* data() const { return data_.get(); }
  T* data() { return data_.get(); }
  int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* p) const { cudaFree(p); }
  };
  std::unique_ptr<T, Free> data_;
  int64_t size_ = 0;
};

/// Memory in the order of the stream, from a pool of ours that keeps what it once had: the device's
/// own pool gives it back to the driver whenever the stream is waited for.
void* allocate_scratch(size_t bytes, cudaStream_t stream);

/// n numbers on the device, in the order of the stream: not set, and free for later work of the
/// stream when this goes.
template <class T>
class Scratch {
 public:
  Scratch(int64_t n, cudaStream_t stream) : stream_(stream), size_(n > 0 ? n : 1) {
    data_ = static_cast<T*>(allocate_scratch(size_ * sizeof(T), stream));
  }
  ~Scratch() { cudaFreeAsync(data_, stream_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  T* data() { return data_; }
  void clear() { set_bytes(data_, 0, size_, stream_); }

 private:
  cudaStream_t stream_;
  int64_t size_;
  T* data_ = nullptr;
};

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "device.h"

#ifndef DPONNX_CUDA_EMULATED
#include <map>
#include <mutex>
#endif

namespace dponnx::cuda {

#ifndef DPONNX_CUDA_EMULATED
namespace {

/// That of the current device, made when first asked for and never destroyed.
cudaMemPool_t pool_of_device() {
  static auto& lock = *new std::mutex;
  static auto& pools = *new std::map<int, cudaMemPool_t>;
  const int device = current_device();
  const std::lock_guard<std::mutex> guard(lock);
  cudaMemPool_t& pool = pools[device];
  if (!pool) {
    cudaMemPoolProps props{};
    props.allocType = cudaMemAllocationTypePinned;
    props.location.type = cudaMemLocationTypeDevice;
    props.location.id = device;
    check(cudaMemPoolCreate(&pool, &props), "pool of memory on the device");
    uint64_t all = UINT64_MAX;
    check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all),
          "pool of memory on the device");
  }
  return pool;
}

}  // namespace
#endif

void* allocate_scratch(size_t bytes, cudaStream_t stream) {
  void* memory = nullptr;
#ifdef DPONNX_CUDA_EMULATED
  check(cudaMallocAsync(&memory, bytes, stream), "scratch memory on the device");
#else
  check(cudaMallocFromPoolAsync(&memory, bytes, pool_of_device(), stream),
        "scratch memory on the device");
#endif
  return memory;
}

}  // namespace dponnx::cuda

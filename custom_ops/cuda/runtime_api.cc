// SPDX-License-Identifier: LGPL-3.0-or-later
#include "runtime_api.h"

#include <string>

#include "cells.h"
#include "report.h"
#include "system.h"

namespace {

using namespace dponnx::cuda;

/// The one place that turns exceptions into text.
template <class Body>
const char* guard(const Body& body) noexcept {
  static thread_local std::string text;
  try {
    body();
    return nullptr;
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {
    text = "unknown exception";
  }
  return text.c_str();
}

cudaStream_t of(void* stream) { return static_cast<cudaStream_t>(stream); }

}  // namespace

#define DPONNX_CUDA_EXPORT __attribute__((visibility("default")))

extern "C" {

DPONNX_CUDA_EXPORT int32_t dponnx_cuda_abi() { return kDponnxCudaAbi; }

DPONNX_CUDA_EXPORT int32_t dponnx_cuda_emulated() {
#ifdef DPONNX_CUDA_EMULATED
  return 1;
#else
  return 0;
#endif
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_use(int32_t device, int32_t* devices) {
  *devices = 0;
  return guard([&] {
    int found = 0;
    check(cudaGetDeviceCount(&found), "no CUDA device can be used");
    *devices = found;
    check(cudaSetDevice(device), "CUDA device cannot be used");
  });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_memory(int64_t* free, int64_t* all) {
  return guard([&] {
    size_t left = 0, total = 0;
    check(cudaMemGetInfo(&left, &total), "memory of the device");
    *free = static_cast<int64_t>(left), *all = static_cast<int64_t>(total);
  });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_open_stream(void** stream) {
  return guard([&] {
    cudaStream_t made = nullptr;
    check(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "a stream");
    *stream = made;
  });
}

DPONNX_CUDA_EXPORT void dponnx_cuda_close_stream(void* stream) { cudaStreamDestroy(of(stream)); }

DPONNX_CUDA_EXPORT const char* dponnx_cuda_order(void* first, void* then) {
  return guard([&] {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "an event");
    const cudaError_t recorded = cudaEventRecord(event, of(first));
    const cudaError_t waiting = cudaStreamWaitEvent(of(then), event, 0);
    cudaEventDestroy(event);  // once it has happened
    check(recorded, "recording an event");
    check(waiting, "waiting for another stream");
  });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_wait(void* stream) {
  return guard([&] { check(cudaStreamSynchronize(of(stream)), "CUDA work"); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_report() { return guard(check_report); }

DPONNX_CUDA_EXPORT const char* dponnx_cuda_allocate(void** memory, int64_t bytes, int32_t pinned) {
  return guard([&] {
    const size_t size = bytes > 0 ? bytes : 1;
    check(pinned ? cudaHostAlloc(memory, size, cudaHostAllocPortable) : cudaMalloc(memory, size),
          pinned ? "pinned memory" : "memory on the device");
  });
}

DPONNX_CUDA_EXPORT void dponnx_cuda_release(void* memory, int32_t pinned) {
  if (pinned) {
    cudaFreeHost(memory);
  } else {
    cudaFree(memory);
  }
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_copy(void* to, const void* from, int64_t bytes,
                                                void* stream) {
  return guard([&] {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, of(stream)),
          "copy to or from the device");
  });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_clear(void* memory, int64_t bytes, void* stream) {
  return guard([&] {
    check(cudaMemsetAsync(memory, 0, bytes, of(stream)), "clearing memory on the device");
  });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_gather(const double* from, const int32_t* rows,
                                                  int64_t n, int32_t columns, double* to,
                                                  void* stream) {
  return guard([&] { gather(from, rows, n, columns, to, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_scatter(const double* from, const int32_t* rows,
                                                   int64_t n, int32_t columns, double* to,
                                                   void* stream) {
  return guard([&] { scatter(from, rows, n, columns, to, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_add(const double* from, int64_t n, double* to,
                                               void* stream) {
  return guard([&] { add(from, n, to, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_block_sizes(const dponnx_cuda_list* list,
                                                       const dponnx_cuda_block* block,
                                                       void* stream) {
  return guard([&] { block_sizes(*list, *block, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_block_fill(const dponnx_cuda_list* list,
                                                      const dponnx_cuda_block* block, int32_t* rows,
                                                      int32_t* atype, int32_t* nlist, int64_t nnei,
                                                      void* stream) {
  return guard([&] { block_fill(*list, *block, rows, atype, nlist, nnei, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_wrap(const dponnx_cuda_box* box, double* coord,
                                                int64_t n, int32_t* first, double* bounds,
                                                void* stream) {
  return guard([&] { wrap(*box, coord, n, first, bounds, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_images(const dponnx_cuda_box* box, double* coord,
                                                  int32_t* type, int64_t n, const int32_t* first,
                                                  void* stream) {
  return guard([&] { images(*box, coord, type, n, first, of(stream)); });
}

DPONNX_CUDA_EXPORT void dponnx_cuda_grid(dponnx_cuda_cells* cells, const double* bounds,
                                         int64_t nrows) {
  grid(*cells, bounds, nrows);
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_sort(const dponnx_cuda_cells* cells, int64_t nrows,
                                                int32_t* start, int32_t* rows, void* stream) {
  return guard([&] { sort(*cells, nrows, start, rows, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_count(const dponnx_cuda_cells* cells,
                                                 const int32_t* atoms, int64_t n, int32_t* counts,
                                                 int32_t* most, void* stream) {
  return guard([&] { count(*cells, atoms, n, counts, most, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_neighbors(const dponnx_cuda_cells* cells,
                                                     const int32_t* atoms, int64_t n, int64_t most,
                                                     int32_t* list, void* stream) {
  return guard([&] { neighbors(*cells, atoms, n, most, list, of(stream)); });
}

DPONNX_CUDA_EXPORT const char* dponnx_cuda_fold(const double* from, const int32_t* first,
                                                const int32_t* owner, int64_t n, int32_t columns,
                                                double* to, void* stream) {
  return guard([&] { fold(from, first, owner, n, columns, to, of(stream)); });
}

}  // extern "C"

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cuda/runtime_api.h>

#include <cstdint>
#include <string>
#include <utility>

namespace dponnx {

/// The functions of runtime_api.h in a library that was opened.
struct CudaFunctions {
  // clang-format off
#define DPONNX_CUDA_FUNCTIONS(X)                                                 \
  X(use) X(memory) X(open_stream) X(close_stream) X(order) X(wait) X(report)     \
  X(allocate) X(release) X(copy) X(clear)                                        \
  X(gather) X(scatter) X(add) X(block_sizes) X(block_fill)                       \
  X(wrap) X(images) X(grid) X(sort) X(count) X(neighbors) X(fold)
  // clang-format on
#define DPONNX_CUDA_FUNCTION(name) decltype(&dponnx_cuda_##name) name = nullptr;
  DPONNX_CUDA_FUNCTIONS(DPONNX_CUDA_FUNCTION)
#undef DPONNX_CUDA_FUNCTION
};

/// A CUDA device, a stream of its own on it, and the operator library that has code for it. In
/// tests the library is the emulation, and the device this processor.
class CudaDevice {
 public:
  /// Throws Error, unsupported_machine: no such library, no driver, no such device.
  explicit CudaDevice(int number);
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  int number() const { return number_; }
  bool emulated() const { return emulated_; }
  const std::string& library() const { return library_; }
  void* stream() const { return stream_; }
  const CudaFunctions& functions() const { return functions_; }

  /// Makes it the calling thread's device.
  void use() const;
  int64_t free_memory() const;
  void copy(void* to, const void* from, int64_t bytes) const;
  void clear(void* memory, int64_t bytes) const;
  /// Waits for the stream's work. Throws Error, invalid_argument, for what its kernels reported.
  void wait() const;
  /// The same for what has ended by now.
  void check_report() const;
  /// Throws what a function returned, if that is not null.
  void must(const char* text) const;

 private:
  int number_;
  bool emulated_ = false;
  std::string library_;
  CudaFunctions functions_;
  void* stream_ = nullptr;
};

/// Whether DPONNX_CUDA_OPERATORS names the emulation, which needs no CUDA of ONNX Runtime.
bool cuda_is_emulated();

/// Numbers on the device, or pinned ones on the host. Not set; room for more loses them.
template <class T>
class CudaArray {
 public:
  explicit CudaArray(const CudaDevice& device, bool pinned = false)
      : device_(&device), pinned_(pinned) {}
  ~CudaArray() { clear(); }
  CudaArray(CudaArray&& other) noexcept
      : device_(other.device_),
        pinned_(other.pinned_),
        data_(std::exchange(other.data_, nullptr)),
        room_(std::exchange(other.room_, 0)) {}
  CudaArray& operator=(CudaArray&&) = delete;

  T* data() const { return data_; }

  /// At least n numbers, and never null.
  T* room(int64_t n) {
    if (data_ && n <= room_) return data_;
    clear();
    void* memory = nullptr;
    // A little more than asked for: numbers of neighbours waver.
    const int64_t size = room_was_set_ ? n + n / 16 : n;
    device_->must(device_->functions().allocate(&memory, size * sizeof(T), pinned_));
    data_ = static_cast<T*>(memory);
    room_ = size;
    room_was_set_ = true;
    return data_;
  }

  /// n numbers copied from the host or the device.
  T* set(const T* from, int64_t n) {
    room(n);
    if (n) device_->copy(data_, from, n * sizeof(T));
    return data_;
  }

  void clear() {
    if (data_) device_->functions().release(data_, pinned_);
    data_ = nullptr;
    room_ = 0;
  }

 private:
  const CudaDevice* device_;
  bool pinned_, room_was_set_ = false;
  T* data_ = nullptr;
  int64_t room_ = 0;
};

}  // namespace dponnx

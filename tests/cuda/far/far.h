// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cuda_runtime.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>

/// Arrays of more elements than an int32 counts, of which only the pages touched on purpose exist:
/// an offset that has overflowed meets a page that does not, and the program dies there.
namespace far {

/// [n] of T, nothing readable at first.
template <class T>
class Array {
 public:
  explicit Array(int64_t n) : bytes_(n * sizeof(T)) {
    void* memory =
        mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) std::perror("address space"), std::exit(77);  // skipped
    data_ = static_cast<T*>(memory);
  }
  ~Array() { munmap(data_, bytes_); }
  Array(const Array&) = delete;

  /// Elements [at, at + count), from now on readable and writable.
  T* touch(int64_t at, int64_t count) {
    const uintptr_t page = sysconf(_SC_PAGESIZE);
    const auto begin = reinterpret_cast<uintptr_t>(data_ + at) / page * page;
    const auto end = reinterpret_cast<uintptr_t>(data_ + at + count);
    if (mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ | PROT_WRITE)) {
      std::perror("mprotect"), std::exit(1);
    }
    return data_ + at;
  }
  T* data() { return data_; }

 private:
  size_t bytes_;
  T* data_;
};

/// Dies unless both are the same.
inline void expect(double found, double expected, const char* what) {
  if (found == expected) return;
  std::printf("%s: found %.17g, expected %.17g\n", what, found, expected);
  std::exit(1);
}

/// body() as one warp.
inline void as_warp(const std::function<void()>& body) {
  emulated::run(dim3(1), dim3(32), 0, body);
}

void check_scatter();
void check_tabulate();
void check_environment();
void check_descriptor();
void check_contract();

constexpr int64_t kFar = int64_t(1) << 32;

}  // namespace far

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace dponnx {

/// From this size on memory begins at a multiple of it, and Linux is asked for pages this large: a
/// matrix read from end to end in every step misses the address cache with small ones.
constexpr size_t kLargePage = size_t{1} << 21;

inline std::align_val_t alignment_of(size_t bytes) {
  return std::align_val_t{bytes < kLargePage ? 64 : kLargePage};
}

struct FreeAligned {
  size_t bytes = 0;
  void operator()(void* p) const { ::operator delete(p, alignment_of(bytes)); }
};

/// Numbers that begin at a multiple of 64 bytes.
template <class T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

/// `size` numbers, not set.
template <class T>
AlignedArray<T> make_aligned(int64_t size) {
  const size_t bytes = static_cast<size_t>(size) * sizeof(T);
  void* p = ::operator new(bytes, alignment_of(bytes));
#ifdef __linux__
  if (bytes >= kLargePage) madvise(p, bytes, MADV_HUGEPAGE);  // advice: without it, slower
#endif
  return AlignedArray<T>(static_cast<T*>(p), FreeAligned{bytes});
}

}  // namespace dponnx

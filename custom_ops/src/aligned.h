// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace dponnx {

struct FreeAligned {
  void operator()(void* p) const { ::operator delete(p, std::align_val_t{64}); }
};

/// Numbers that begin at a multiple of 64 bytes.
template <class T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

/// `size` numbers, not set.
template <class T>
AlignedArray<T> make_aligned(int64_t size) {
  return AlignedArray<T>(static_cast<T*>(::operator new(size * sizeof(T), std::align_val_t{64})));
}

}  // namespace dponnx

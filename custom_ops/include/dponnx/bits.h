// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>
#include <type_traits>

#include "macros.h"

namespace dponnx {

/// Whether a [n] and b [n] are the same bits: NaN is equal to itself, 0 not to -0.
template <class T>
DPONNX_HD bool same_bits(const T* a, const T* b, int n) {
  using Bits = typename std::conditional<sizeof(T) == 4, uint32_t, uint64_t>::type;
  Bits differ = 0;
  for (int k = 0; k < n; ++k) {
    Bits p, q;
    __builtin_memcpy(&p, a + k, sizeof(T));
    __builtin_memcpy(&q, b + k, sizeof(T));
    differ |= p ^ q;
  }
  return differ == 0;
}

}  // namespace dponnx

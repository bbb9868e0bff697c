// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "exponential.h"

/// tanh lane by lane, within 2.5 units in the last place.
namespace dponnx {

/// With e = exp(2 |x|) - 1: tanh |x| = e/(e + 2), which keeps all digits of a small x.
/// NaN stays NaN.
template <class T, class V>
DPONNX_HD V hyperbolic_tangent(const V& x) {
  using Bits = BitsOf<T, V>;
  constexpr T limit = sizeof(T) == sizeof(double) ? 20 : 10;  // where tanh(x) is 1
  constexpr auto sign_bit = typename ExpConstants<T>::Bits(1) << (8 * sizeof(T) - 1);
  Bits bits;
  __builtin_memcpy(&bits, &x, sizeof(V));
  const Bits sign = bits & sign_bit;
  bits &= ~sign_bit;
  V y;
  __builtin_memcpy(&y, &bits, sizeof(V));
  const V e = exp_minus_1<T>(V(T(2) * (y > splat<V>(limit) ? splat<V>(limit) : y)));
  const V result = e / (e + T(2));
  __builtin_memcpy(&bits, &result, sizeof(V));
  bits |= sign;
  V out;
  __builtin_memcpy(&out, &bits, sizeof(V));
  return out;
}

}  // namespace dponnx

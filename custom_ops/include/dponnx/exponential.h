// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "vec.h"

/// exp(y) - 1 lane by lane, to a unit in the last place: what tanh, sigmoid and softplus are made
/// of.
namespace dponnx {

/// shift: mantissa bits, and magic = 1.5 2^shift + exponent bias, so that y + magic has
/// round(y) + bias in its last bits. ln2 = high + low, high with zeros at its end, so that n high
/// is exact. limit: |y| must not exceed it. order: terms of exp(r) - 1, |r| < ln(2)/2, that leave
/// less than a quarter of a unit.
template <class T>
struct ExpConstants;
template <>
struct ExpConstants<double> {
  using Bits = unsigned long long;
  static constexpr int shift = 52, order = 13;
  static constexpr double magic = 6755399441055744.0 + 1023, limit = 700;
  static constexpr double high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;
};
template <>
struct ExpConstants<float> {
  using Bits = unsigned int;
  static constexpr int shift = 23, order = 8;
  static constexpr float magic = 12582912.0f + 127, limit = 85;
  static constexpr float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;
};

/// The bits of one number or of every lane.
template <class T, class V>
using BitsOf = typename Vec<typename ExpConstants<T>::Bits, lanes<T, V> == 1 ? 0 : sizeof(V)>::type;

/// 2^n (exp(r) - 1) + (2^n - 1), y = n ln 2 + r. NaN stays NaN.
template <class T, class V>
DPONNX_HD V exp_minus_1(const V& y) {
  using C = ExpConstants<T>;
  const V shifted = y * T(1.4426950408889634) + C::magic;
  const V n = shifted - C::magic;
  const V r = (y - n * C::high) - n * C::low;
  BitsOf<T, V> bits;
  __builtin_memcpy(&bits, &shifted, sizeof(V));
  bits <<= C::shift;
  V power;  // 2^n
  __builtin_memcpy(&power, &bits, sizeof(V));

  T factorial = 1;  // folded by the compiler, as the loop is
  T inverse[C::order + 1];
  for (int k = 1; k <= C::order; ++k) factorial *= T(k), inverse[k] = T(1) / factorial;
  V q = splat<V>(inverse[C::order]);
  for (int k = C::order - 1; k >= 2; --k) q = q * r + inverse[k];
  return power * (r * r * q + r) + (power - T(1));
}

}  // namespace dponnx

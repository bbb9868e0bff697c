// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "vec.h"

/// tanh lane by lane, within 2.5 units in the last place.
namespace dponnx {

/// Constants of hyperbolic_tangent. shift: mantissa bits, and magic = 1.5 2^shift + exponent bias,
/// so that y + magic has round(y) + bias in its last bits. ln2 = high + low, high with zeros at its
/// end, so that n high is exact. limit: where tanh(x) is 1. order: terms of exp(r) - 1,
/// |r| < ln(2)/2, that leave less than a quarter of a unit.
template <class T>
struct TanhConstants;
template <>
struct TanhConstants<double> {
  using Bits = unsigned long long;
  static constexpr int shift = 52, order = 13;
  static constexpr double magic = 6755399441055744.0 + 1023, limit = 20;
  static constexpr double high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;
};
template <>
struct TanhConstants<float> {
  using Bits = unsigned int;
  static constexpr int shift = 23, order = 8;
  static constexpr float magic = 12582912.0f + 127, limit = 10;
  static constexpr float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;
};

/// With e = exp(2 |x|) - 1: tanh |x| = e/(e + 2), which keeps all digits of a small x.
/// e = 2^n (exp(r) - 1) + (2^n - 1), 2 |x| = n ln 2 + r. NaN stays NaN.
template <class T, class V>
DPONNX_HD V hyperbolic_tangent(const V& x) {
  using C = TanhConstants<T>;
  using Bits = typename Vec<typename C::Bits, lanes<T, V> == 1 ? 0 : sizeof(V)>::type;
  constexpr typename C::Bits sign_bit = typename C::Bits(1) << (8 * sizeof(T) - 1);
  Bits bits;
  __builtin_memcpy(&bits, &x, sizeof(V));
  const Bits sign = bits & sign_bit;
  bits &= ~sign_bit;
  V y;
  __builtin_memcpy(&y, &bits, sizeof(V));
  y = T(2) * (y > splat<V>(C::limit) ? splat<V>(C::limit) : y);

  const V shifted = y * T(1.4426950408889634) + C::magic;
  const V n = shifted - C::magic;
  const V r = (y - n * C::high) - n * C::low;
  __builtin_memcpy(&bits, &shifted, sizeof(V));
  bits <<= C::shift;
  V power;  // 2^n
  __builtin_memcpy(&power, &bits, sizeof(V));

  T factorial = 1;  // folded by the compiler, as the loop is
  T inverse[C::order + 1];
  for (int k = 1; k <= C::order; ++k) factorial *= T(k), inverse[k] = T(1) / factorial;
  V q = splat<V>(inverse[C::order]);
  for (int k = C::order - 1; k >= 2; --k) q = q * r + inverse[k];
  const V e = power * (r * r * q + r) + (power - T(1));

  const V result = e / (e + T(2));
  __builtin_memcpy(&bits, &result, sizeof(V));
  bits |= sign;
  V out;
  __builtin_memcpy(&out, &bits, sizeof(V));
  return out;
}

}  // namespace dponnx

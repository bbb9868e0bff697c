// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "vec.h"

/// Tables of fifth-order polynomials: the kernels' side of converter/tables.py.
namespace dponnx {

/// Where x falls: its row, the distance dx from that row's left knot, kept inside the row, and
/// beyond, the length of the tangent, 0 inside the table.
template <class T>
struct Place {
  int row;
  T dx, beyond;
};

/// Knots of a table: [minimum, lower) coarse, [lower, upper) fine, [upper, maximum) coarse.
/// In units of the normalised input x (dimensionless). n_left = 0 but for se_e3.
template <class T>
struct TableGrid {
  T lower, upper, maximum;
  T fine, coarse;
  int n_fine, n_coarse, n_left;

  DPONNX_HD T minimum() const { return lower - T(n_left) * coarse; }
  DPONNX_HD int n_rows() const { return n_left + n_fine + n_coarse; }

  /// For each lane of x the row that holds it, in [0, n_rows) whatever x is, and what dx exceeds
  /// the row by split off. NaN: some row, dx and beyond are NaN.
  template <class V>
  DPONNX_HD void place_lanes(const V& x, V& row, V& dx, V& beyond) const {
    const auto left = x < (n_left > 0 ? lower : -infinity());
    const auto right = x >= (n_coarse > 0 ? upper : infinity());
    const auto choose = [&](T in_left, T in_fine, T in_right) {
      const V inner = right ? splat<V>(in_right) : splat<V>(in_fine);
      return left ? splat<V>(in_left) : inner;
    };
    const V start = choose(minimum(), lower, upper);
    const V stride = choose(coarse, fine, coarse);
    const V last = choose(T(n_left - 1), T(n_fine - 1), T(n_coarse - 1));
    V q = (x - start) / stride;
    q = q < last ? q : last;  // NaN: the last row
    q = truncate<T>(q > V{} ? q : V{});
    row = q + choose(T(0), T(n_left), T(n_left + n_fine));
    const V offset = x - (start + q * stride);
    const V low = offset < V{} ? V{} : offset;
    dx = low > stride ? stride : low;
    beyond = offset - dx;
  }

  /// The same for one number.
  DPONNX_HD Place<T> place(T x) const {
    T row, dx, beyond;
    place_lanes(x, row, dx, beyond);
    return {static_cast<int>(row), dx, beyond};
  }

  /// Whether x lies outside all sub-tables by more than a thousandth of a stride, or is NaN.
  /// Rounding can put padding, which lies at lower, that far outside; there the tangent is exact.
  DPONNX_HD bool is_outside(T x) const {
    const T slack = fine / 1024;
    return !((x >= minimum() - slack) & (x <= maximum + slack));
  }

  /// Whether x lies in a coarse sub-table.
  DPONNX_HD bool is_coarse(T x) const {
    const bool apart = (n_coarse > 0 && x >= upper) || (n_left > 0 && x < lower);
    return apart && !is_outside(x);
  }

 private:
  DPONNX_HD static T infinity() { return T(__builtin_inf()); }
};

/// a0 + a1 dx + ... + a5 dx^5.
template <class V>
DPONNX_HD V poly5(const V (&a)[6], const V& dx) {
  V value = a[5];
  for (int k = 4; k >= 0; --k) value = value * dx + a[k];
  return value;
}

/// a1 + 2 a2 dx + ... + 5 a5 dx^4, by differentiating Horner's scheme: value and slope in one pass.
template <class V>
DPONNX_HD V poly5_slope(const V (&a)[6], const V& dx, V& value) {
  value = a[5];
  V slope = value;
  value = value * dx + a[4];
  for (int k = 3; k >= 0; --k) {
    slope = slope * dx + value;
    value = value * dx + a[k];
  }
  return slope;
}

/// moment[k] += em dx^k, on the tangent em (dx^k + beyond k dx^(k-1)), k < 6: em G is then the sum
/// of the row's a_k moment[k].
template <class T>
DPONNX_HD void add_moments(const Place<T>& at, T em, T* moment) {
  T power = em;
  for (int k = 0; k < 6; ++k, power *= at.dx) moment[k] += power;
  if (at.beyond == T(0)) return;
  power = em * at.beyond;
  for (int k = 1; k < 6; ++k, power *= at.dx) moment[k] += T(k) * power;
}

}  // namespace dponnx

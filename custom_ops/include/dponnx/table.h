// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "macros.h"

/// Tables of fifth-order polynomials: the kernels' side of converter/tables.py.
namespace dponnx {

/// Where x falls: its row, and its distance from that row's left knot.
template <class T>
struct Cell {
  int row;
  T dx;
};

/// The same with dx kept inside the row: beyond is the length of the tangent, 0 inside the table.
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

  /// Nominal width of a row: what dx runs over.
  DPONNX_HD T width(int row) const {
    return row >= n_left && row < n_left + n_fine ? fine : coarse;
  }

  /// Row that holds x, in [0, n_rows) whatever x is (NaN: some row, dx = NaN).
  /// Left of minimum dx is negative, from maximum on it exceeds the row's width.
  DPONNX_HD Cell<T> locate(T x) const {
    if (x < lower && n_left > 0) return cell(x, minimum(), coarse, n_left, 0);
    if (x >= upper && n_coarse > 0) return cell(x, upper, coarse, n_coarse, n_left + n_fine);
    return cell(x, lower, fine, n_fine, n_left);
  }

  /// locate() with what dx exceeds its row by split off. NaN: dx and beyond are NaN.
  DPONNX_HD Place<T> place(T x) const {
    const Cell<T> c = locate(x);
    const T right = width(c.row);
    const T inside = c.dx < T(0) ? T(0) : (c.dx > right ? right : c.dx);
    return {c.row, inside, c.dx - inside};
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
  DPONNX_HD static Cell<T> cell(T x, T start, T stride, int n, int first) {
    T q = (x - start) / stride;
    q = q < T(n - 1) ? q : T(n - 1);  // NaN: the last row
    q = q > T(0) ? q : T(0);
    const int row = static_cast<int>(q);
    return {first + row, x - (start + T(row) * stride)};
  }
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

}  // namespace dponnx

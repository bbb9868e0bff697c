// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>

#include "vec.h"

/// Which neighbours count, one row of the environment matrix, and the forces it passes on.
namespace dponnx {

/// Smooth switch between rmin and rmax (angstrom), which are float32 numbers in a model.
template <class T>
struct Switch {
  T rmin, rmax;

  /// rmax - rmin, rounded to float32 as DeePMD-kit does: 3 - 0.3 differs in the eighth digit.
  DPONNX_HD T width() const { return T(float(rmax) - float(rmin)); }

  /// Whether a neighbour at this squared distance counts. NaN does: it has to reach the result.
  DPONNX_HD bool reaches(T r2) const { return !(r2 >= rmax * rmax); }
};

/// d = r_j - r_i.
template <class T>
DPONNX_HD void difference(const T* coord, int64_t i, int64_t j, T (&d)[3]) {
  for (int k = 0; k < 3; ++k) d[k] = coord[3 * j + k] - coord[3 * i + k];
}

/// |to - from|^2 of two points.
template <class T>
DPONNX_HD T square_distance(const T* from, const T* to) {
  const T dx = to[0] - from[0], dy = to[1] - from[1], dz = to[2] - from[2];
  return dx * dx + dy * dy + dz * dz;
}

/// Whether neighbour a goes before b where slots are short: the nearer first, ties by index. NaN is
/// nearest: it has to reach the result.
template <class T>
DPONNX_HD bool goes_before(T r2_a, int32_t a, T r2_b, int32_t b) {
  const T key_a = r2_a == r2_a ? r2_a : T(-1), key_b = r2_b == r2_b ? r2_b : T(-1);
  return key_a != key_b ? key_a < key_b : a < b;
}

/// Row and derivative of one neighbour (V a scalar) or of one neighbour a lane.
///
///   d      r_j - r_i
///   row    (s, s x/r, s y/r, s z/r), s = sw(r)/r; with C = 1 (se_e2_r) only s
///   deriv  deriv[3 c + k] = d row[c] / d (r_i)_k
///
/// sw = 1 up to rmin, u^3 (-6 u^2 + 15 u - 10) + 1 with u = (r - rmin)/(rmax - rmin), 0 from rmax
/// on. Source: L. Zhang et al., NeurIPS 2018 (the environment matrix of DeepPot-SE).
template <class T, class V, int C>
DPONNX_HD void env_row(const V (&d)[3], const Switch<T>& cut, V (&row)[C], V (&deriv)[3 * C]) {
  static_assert(C == 1 || C == 4);
  const V zero = V{}, one = splat<V>(T(1));
  const V r2 = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
  const V inv = one / square_root<T>(r2);
  const V r = r2 * inv;
  const V inv2 = inv * inv;
  const T scale = T(1) / cut.width();

  V u = (r - cut.rmin) * scale;
  u = u < zero ? zero : u;  // comparisons leave NaN as it is
  u = u > one ? one : u;
  const V poly = u * (T(-6) * u + T(15)) - T(10);
  const V sw = u * u * u * poly + one;
  const V dsw = u * u * (T(3) * poly + u * (T(-12) * u + T(15))) * scale;

  row[0] = sw * inv;
  const V radial = (row[0] - dsw) * inv2;  // -(ds/dr)/r
  for (int k = 0; k < 3; ++k) deriv[k] = radial * d[k];
  if constexpr (C == 4) {
    const V s_r = row[0] * inv;
    const V cross = (T(2) * row[0] - dsw) * inv2 * inv;  // of the outer product d d^T
    for (int c = 0; c < 3; ++c) {
      row[1 + c] = s_r * d[c];
      for (int k = 0; k < 3; ++k) deriv[3 + 3 * c + k] = cross * d[c] * d[k];
      deriv[3 + 4 * c] -= s_r;
    }
  }
}

/// Force on neighbour j through its row: f_k = sum_c net[c] deriv[c][k]; on i it is -f.
template <int C, class V>
DPONNX_HD void pair_force(const V* net, const V* deriv, V (&f)[3]) {
  for (int k = 0; k < 3; ++k) {
    f[k] = net[0] * deriv[k];
    for (int c = 1; c < C; ++c) f[k] += net[c] * deriv[3 * c + k];
  }
}

}  // namespace dponnx

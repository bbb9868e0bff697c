// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>

namespace dponnx {

using Vector = std::array<double, 3>;

/// Largest extent of a box, or of atoms without one, in cutoffs: vesin 0.6.2 divides by zero, which
/// ends the process, somewhere between 2e4 and 2e5 of them.
constexpr double kMaxExtent = 1.0e4;

/// A box of three vectors, periodic along some of them.
class Box {
 public:
  /// box: [3, 3], a vector a row, or null: not periodic; along: [3] whether periodic along each, or
  /// null: along all. Vectors of directions that are not periodic are replaced by unit vectors
  /// normal to the others. Throws Error for boxes that are singular or out of proportion to rcut.
  Box(const double* box, const int32_t* along, double rcut);

  bool periodic(int k) const { return along_[k]; }
  bool any() const { return along_[0] || along_[1] || along_[2]; }
  const Vector& vector(int k) const { return vectors_[k]; }
  /// inverse(k) . x = component k of x.
  const Vector& inverse(int k) const { return inverse_[k]; }

  /// The point's components in units of the vectors.
  Vector fraction(const double* x) const;

  /// How many of each vector x is away from the box, along periodic directions; 0 along others.
  Vector whole(const double* x) const;

  /// x moved back by that many.
  void unmove(const Vector& whole, double* x) const;

 private:
  std::array<Vector, 3> vectors_, inverse_;
  std::array<bool, 3> along_{};
};

}  // namespace dponnx

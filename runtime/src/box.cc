// SPDX-License-Identifier: LGPL-3.0-or-later
#include "box.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace dponnx {

namespace {

// Thinnest box, in angstrom: below it the images within rcut of one atom become millions.
constexpr double kMinHeight = 0.1;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

Vector scaled(const Vector& a, double by) { return {a[0] * by, a[1] * by, a[2] * by}; }

double length(const Vector& a) { return std::sqrt(dot(a, a)); }

/// A unit vector normal to a, which is none of length 0.
Vector normal_to(const Vector& a) {
  int least = 0;
  for (int k = 1; k < 3; ++k) least = std::abs(a[k]) < std::abs(a[least]) ? k : least;
  Vector axis{};
  axis[least] = 1;
  const Vector n = cross(a, axis);
  return scaled(n, 1 / length(n));
}

}  // namespace

Box::Box(const double* box, const int32_t* along, double rcut) {
  for (int k = 0; k < 3; ++k) {
    along_[k] = box && (!along || along[k]);
    vectors_[k] = Vector{};
    vectors_[k][k] = 1;
    if (!along_[k]) continue;
    vectors_[k] = {box[3 * k], box[3 * k + 1], box[3 * k + 2]};
    const double edge = length(vectors_[k]);
    if (!std::isfinite(edge)) {
      fail(Code::invalid_argument,
           "box contains NaN or infinity; expected three finite vectors in angstrom");
    }
    if (edge > kMaxExtent * rcut) {
      fail(Code::invalid_argument, "box edge is ", edge, " angstrom; expected at most ",
           kMaxExtent * rcut, ". Pass no box for a system without one");
    }
  }
  for (int k = 0; k < 3; ++k) {  // directions that are not periodic
    if (along_[k] || !any()) continue;
    const int a = (k + 1) % 3, b = (k + 2) % 3;
    const Vector n = cross(vectors_[a], vectors_[b]);
    if (along_[a] && along_[b]) {
      if (length(n) > 0) vectors_[k] = scaled(n, 1 / length(n));
    } else if (along_[a] || along_[b]) {
      const int only = along_[a] ? a : b, other = along_[a] ? b : a;
      if (!(length(vectors_[only]) > 0)) continue;
      vectors_[other] = normal_to(vectors_[only]);
      const Vector m = cross(vectors_[a], vectors_[b]);
      vectors_[k] = scaled(m, 1 / length(m));
      break;  // both at once
    }
  }
  const Vector area[3] = {cross(vectors_[1], vectors_[2]), cross(vectors_[2], vectors_[0]),
                          cross(vectors_[0], vectors_[1])};
  const double volume = dot(vectors_[0], area[0]);
  double edges = 1;
  for (const Vector& v : vectors_) edges *= length(v);
  if (!(std::abs(volume) > 1e-12 * edges)) {
    fail(Code::invalid_argument, "box has volume ", std::abs(volume),
         "; expected independent vectors where it repeats (pass no box for a system without one)");
  }
  for (int k = 0; k < 3; ++k) {
    inverse_[k] = scaled(area[k], 1 / volume);
    const double height = 1 / length(inverse_[k]);
    if (along_[k] && height < kMinHeight) {
      fail(Code::invalid_argument, "box is ", height, " angstrom thin; expected at least ",
           kMinHeight, " angstrom between opposite faces. Are the units angstrom?");
    }
  }
}

Vector Box::fraction(const double* x) const {
  const Vector point = {x[0], x[1], x[2]};
  return {dot(inverse_[0], point), dot(inverse_[1], point), dot(inverse_[2], point)};
}

Vector Box::whole(const double* x) const {
  Vector f = fraction(x);
  for (int k = 0; k < 3; ++k) f[k] = along_[k] ? std::floor(f[k]) : 0;
  return f;
}

void Box::unmove(const Vector& whole, double* x) const {
  for (int k = 0; k < 3; ++k) {
    if (!along_[k]) continue;
    for (int c = 0; c < 3; ++c) x[c] -= whole[k] * vectors_[k][c];
  }
}

}  // namespace dponnx

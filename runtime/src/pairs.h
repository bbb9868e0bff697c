// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "box.h"

namespace dponnx {

/// j, moved by the lattice vector of shift, lies within the cutoff of i.
struct Pair {
  int32_t i, j;
  std::array<int32_t, 3> shift;
};

/// Every pair, in both directions, sorted by i. coord [n, 3] lies in the box. Uses vesin.
std::vector<Pair> find_pairs(const std::vector<double>& coord, const Box& box, double rcut,
                             int threads);

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "kernels.h"

namespace dponnx {

/// Puts neighbours into the slots of their type.
template <class T>
class Placer {
 public:
  explicit Placer(const ListArgs<T>& args);

  /// Fills slots [nnei] for atom i: real neighbours of each type packed, in the order they were
  /// listed, then -1. A type with more of them than slots keeps the nearest, ties by index.
  void place(const KernelsOf<T>& kernels, int64_t i, int32_t* slots);

  /// For each type, how many slots of the atom placed last are filled.
  const std::vector<int>& filled() const { return filled_; }

  /// The atoms within rcut of the atom placed last, as listed, whether they found a slot or not.
  std::pair<const int32_t*, int> near() const { return {index_.data(), n_near_}; }

  /// For each type, the most neighbours within rcut that an atom placed so far has.
  const std::vector<int>& most() const { return most_; }

 private:
  void keep_nearest(int type, int n, int32_t* slots);

  const ListArgs<T>& args_;
  std::vector<int32_t> index_;
  int n_near_ = 0;
  std::vector<T> r2_;
  std::vector<int> filled_, most_;
  std::vector<int> rank_;
};

extern template class Placer<float>;
extern template class Placer<double>;

}  // namespace dponnx

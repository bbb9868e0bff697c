// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/table.h>

#include <array>
#include <mutex>

#include "ort.h"

namespace dponnx {

/// Counts, every so many evaluations of a node, inputs its table was not made for.
class OverflowCheck {
 public:
  /// frequency N: evaluations 0, N, 2 N, ... are checked; below 1: none.
  explicit OverflowCheck(double frequency);

  /// Writes the last check's counts [2]: of x [n] in the coarse sub-tables, and outside all.
  template <class T>
  void check(const Ort::KernelContext& context, const TableGrid<T>& grid, const T* x, int64_t n,
             int64_t* counts);

 private:
  /// Counts this evaluation; true for those to check.
  bool is_due();

  std::mutex lock_;
  int64_t frequency_, evaluation_ = 0;
  std::array<int64_t, 2> counts_{};
};

}  // namespace dponnx

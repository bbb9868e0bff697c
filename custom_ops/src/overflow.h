// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/table.h>

#include <array>
#include <mutex>

#include "ort.h"

namespace dponnx {

/// The optional input `evaluation` [1] of an operator at this place; -1: not given.
int64_t read_evaluation(const Ort::KernelContext& context, const Port* ports, size_t index);

/// Counts, every so many evaluations of a node, inputs its table was not made for.
class OverflowCheck {
 public:
  /// frequency N: evaluations 0, N, 2 N, ... are checked; below 1: none.
  explicit OverflowCheck(double frequency);

  /// Writes counts [2]: of x [n] in the coarse sub-tables, and outside all. evaluation: which one
  /// this is (a runtime that evaluates atoms in blocks tells); if it is none to check, counts are
  /// -1. Below 0: every call is one, and those between checks repeat the last counts.
  template <class T>
  void check(const Ort::KernelContext& context, const TableGrid<T>& grid, const T* x, int64_t n,
             int64_t evaluation, int64_t* counts);

 private:
  /// True for evaluations to check.
  bool is_due(int64_t evaluation);

  std::mutex lock_;
  int64_t frequency_, evaluation_ = 0;
  std::array<int64_t, 2> counts_{};
};

}  // namespace dponnx

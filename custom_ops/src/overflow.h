// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/table.h>

#include <array>
#include <mutex>

#include "ort.h"

namespace dponnx {

/// The optional input `evaluation` [1] of an operator at this place; -1: not given.
int64_t read_evaluation(const Ort::KernelContext& context, const Port* ports, size_t index);

/// Which evaluations of a node are checked: 0, N, 2 N, ... for frequency N; below 1: none.
class Schedule {
 public:
  explicit Schedule(double frequency);

  /// Counts this evaluation and tells whether it is one to check. evaluation >= 0 is its number;
  /// below, the node's own count is. Not thread-safe.
  bool is_due(int64_t evaluation = -1);

 private:
  int64_t frequency_, count_ = 0;
};

/// Counts, every so many evaluations of a node, inputs its table was not made for.
class OverflowCheck {
 public:
  explicit OverflowCheck(double frequency) : schedule_(frequency) {}

  /// Writes counts [2]: of x [n] in the coarse sub-tables, and outside all. evaluation: which one
  /// this is (a runtime that evaluates atoms in blocks tells); if it is none to check, counts are
  /// -1. Below 0: every call is one, and those between checks repeat the last counts.
  template <class T>
  void check(const Ort::KernelContext& context, const TableGrid<T>& grid, const T* x, int64_t n,
             int64_t evaluation, int64_t* counts);

 private:
  bool is_due(int64_t evaluation);

  std::mutex lock_;
  Schedule schedule_;
  std::array<int64_t, 2> counts_{};
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/table.h>

#include <mutex>
#include <vector>

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

/// The counts of a node's last check, n numbers, and which evaluations are checked.
class KeptCounts {
 public:
  KeptCounts(double frequency, size_t n) : schedule_(frequency), last_(n) {}

  /// As Schedule's.
  bool is_due(int64_t evaluation);

  /// Writes counts: the fresh ones where they were due. Otherwise -1 if evaluation >= 0 (a runtime
  /// that evaluates atoms in blocks tells its number); below, the last ones.
  void give(bool due, const int64_t* fresh, int64_t evaluation, int64_t* counts);

 private:
  std::mutex lock_;
  Schedule schedule_;
  std::vector<int64_t> last_;
};

/// Counts, every so many evaluations of a node, inputs its table was not made for.
class OverflowCheck {
 public:
  explicit OverflowCheck(double frequency) : kept_(frequency, 2) {}

  /// Writes counts [2]: of x [n] in the coarse sub-tables, and outside all; KeptCounts tells what
  /// they are between checks.
  template <class T>
  void check(const Ort::KernelContext& context, const TableGrid<T>& grid, const T* x, int64_t n,
             int64_t evaluation, int64_t* counts);

 private:
  KeptCounts kept_;
};

}  // namespace dponnx

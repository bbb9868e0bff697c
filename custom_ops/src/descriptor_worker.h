// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "dispatch.h"
#include "neighbors.h"

namespace dponnx {

/// What one task works with: the neighbours of an atom at a time, and the memory for them.
template <class E, class T>
class DescriptorWorker {
 public:
  /// n_rows: of all tables together.
  DescriptorWorker(const DescriptorArgs<E, T>& args, Descriptor kind, int64_t n_rows)
      : placer_(args),
        slots_(args.sec[args.ntypes]),
        rows_(kRows * stride(args)),
        places_(4 * stride(args)),
        located_(slots_.size() + args.ntypes),
        entries_(kind == Descriptor::se_a ? located_.size() : 0),
        next_(entries_.size()),
        groups_(entries_.size()),
        dy_(4 * args.tables[0].row_size / 6) {
    scratch_.slots = slots_.data();
    E* at = rows_.data();
    const auto take = [&](int count) { return std::exchange(at, at + count * stride(args)); };
    scratch_.rows = {take(3), take(4), take(12), take(4), take(3), stride(args)};
    share_of_row_.resize(n_rows, -1);
    if (kind == Descriptor::se_t) {
      const int64_t n = slots_.size();
      shares_.resize(std::min(n_rows, n * n));
    }
    scratch_.groups = {entries_.data(), next_.data(), groups_.data(), share_of_row_.data()};
    scratch_.places = places_.data();
    scratch_.tabulate = {located_.data(), dy_.data(), shares_.data(), share_of_row_.data()};
  }

  /// Finds the neighbours of atom i. The result is valid until the next call.
  const DescriptorScratch<E, T>& at(int64_t i) {
    placer_.place(kernels().of<E>(), i, slots_.data());
    scratch_.filled = placer_.filled().data();
    return scratch_;
  }

  /// From now on inputs are counted, in two numbers a table.
  void count_overflow(size_t numbers) {
    overflow_.assign(numbers, 0);
    scratch_.overflow = overflow_.data();
  }
  const std::vector<int64_t>& overflow() const { return overflow_; }
  const std::vector<int>& most() const { return placer_.most(); }

 private:
  static constexpr int kRows = 3 + 4 + 12 + 4 + 3;
  /// Room for all slots, and for the lanes of a last vector.
  static int64_t stride(const DescriptorArgs<E, T>& args) { return args.sec[args.ntypes] + 16; }

  Placer<E> placer_;
  std::vector<int32_t> slots_;
  std::vector<E> rows_;
  std::vector<T> places_;
  std::vector<Located<T>> located_;
  std::vector<Located<T>> entries_;
  std::vector<int> next_;
  std::vector<RowGroup> groups_;
  std::vector<T> dy_;
  std::vector<RowShare<T>> shares_;
  std::vector<int32_t> share_of_row_;
  std::vector<int64_t> overflow_;
  DescriptorScratch<E, T> scratch_{};
};

}  // namespace dponnx

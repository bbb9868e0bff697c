// SPDX-License-Identifier: LGPL-3.0-or-later
#include "overflow.h"

#include <algorithm>
#include <array>
#include <atomic>

namespace dponnx {

Schedule::Schedule(double frequency)
    : frequency_(frequency >= 1 && frequency < 9e15 ? static_cast<int64_t>(frequency) : 0) {}

int64_t read_evaluation(const Ort::KernelContext& context, const Port* ports, size_t index) {
  if (context.GetInputCount() <= index || !context.GetInput(index)) return -1;
  return *get_input<int64_t>(context, ports, index, {1}).data;
}

bool Schedule::is_due(int64_t evaluation) {
  if (frequency_ == 0) return false;
  return (evaluation < 0 ? count_++ : evaluation) % frequency_ == 0;
}

bool KeptCounts::is_due(int64_t evaluation) {
  const std::lock_guard<std::mutex> guard(lock_);
  return schedule_.is_due(evaluation);
}

void KeptCounts::give(bool due, const int64_t* fresh, int64_t evaluation, int64_t* counts) {
  const std::lock_guard<std::mutex> guard(lock_);
  if (due) std::copy_n(fresh, last_.size(), last_.begin());
  if (!due && evaluation >= 0) {
    std::fill_n(counts, last_.size(), -1);
  } else {
    std::copy(last_.begin(), last_.end(), counts);
  }
}

template <class T>
void OverflowCheck::check(const Ort::KernelContext& context, const TableGrid<T>& grid, const T* x,
                          int64_t n, int64_t evaluation, int64_t* counts) {
  constexpr int64_t kBlock = 16384;
  const bool due = kept_.is_due(evaluation);
  std::array<int64_t, 2> fresh{};
  if (due) {
    std::atomic<int64_t> coarse{0}, outside{0};
    parallel_for(context, (n + kBlock - 1) / kBlock, [&](int64_t block) {
      int in_coarse = 0, in_none = 0;
      for (int64_t k = block * kBlock; k < std::min(n, (block + 1) * kBlock); ++k) {
        in_coarse += grid.is_coarse(x[k]);
        in_none += grid.is_outside(x[k]);
      }
      coarse += in_coarse;
      outside += in_none;
    });
    fresh = {coarse, outside};
  }
  kept_.give(due, fresh.data(), evaluation, counts);
}

template void OverflowCheck::check(const Ort::KernelContext&, const TableGrid<float>&, const float*,
                                   int64_t, int64_t, int64_t*);
template void OverflowCheck::check(const Ort::KernelContext&, const TableGrid<double>&,
                                   const double*, int64_t, int64_t, int64_t*);

}  // namespace dponnx

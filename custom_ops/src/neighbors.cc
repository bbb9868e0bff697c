// SPDX-License-Identifier: LGPL-3.0-or-later
#include "neighbors.h"

#include <algorithm>

namespace dponnx {

template <class T>
Placer<T>::Placer(const ListArgs<T>& args)
    : args_(args),
      index_(args.nnei_in + 1),
      r2_(args.nnei_in + 1),
      filled_(args.ntypes),
      most_(args.ntypes) {}

template <class T>
void Placer<T>::place(const KernelsOf<T>& kernels, int64_t i, int32_t* slots) {
  std::fill_n(slots, args_.sec[args_.ntypes], -1);
  std::fill(filled_.begin(), filled_.end(), 0);
  n_near_ = 0;
  if (args_.atype[i] < 0) return;
  const int n = n_near_ = kernels.find_near(args_, i, index_.data(), r2_.data());
  for (int k = 0; k < n; ++k) {
    const int type = args_.atype[index_[k]];
    const int slot = args_.sec[type] + filled_[type]++;
    if (slot < args_.sec[type + 1]) slots[slot] = index_[k];
  }
  for (int type = 0; type < args_.ntypes; ++type) {
    const int room = args_.sec[type + 1] - args_.sec[type];
    most_[type] = std::max(most_[type], filled_[type]);
    if (filled_[type] <= room) continue;
    keep_nearest(type, n, slots);
    filled_[type] = room;
  }
}

template <class T>
void Placer<T>::keep_nearest(int type, int n, int32_t* slots) {
  rank_.clear();
  for (int k = 0; k < n; ++k) {
    if (args_.atype[index_[k]] == type) rank_.push_back(k);
  }
  const int first = args_.sec[type], keep = args_.sec[type + 1] - first;
  std::partial_sort(rank_.begin(), rank_.begin() + keep, rank_.end(), [&](int a, int b) {
    return goes_before(r2_[a], index_[a], r2_[b], index_[b]);
  });
  for (int k = 0; k < keep; ++k) slots[first + k] = index_[rank_[k]];
}

template class Placer<float>;
template class Placer<double>;

}  // namespace dponnx

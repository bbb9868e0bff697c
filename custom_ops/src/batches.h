// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <algorithm>

#include "ort.h"

/// Sums over atoms on several threads.
namespace dponnx {

/// Batches depend on the number of atoms only, each adds into a buffer of its own, and buffers are
/// summed in order: the result is the same whatever the number of threads.
class Batches {
 public:
  /// Of at least `least` atoms each, at most `most` of them.
  Batches(int64_t n_atoms, int64_t least, int64_t most)
      : n_atoms_(n_atoms), count_(std::clamp<int64_t>(n_atoms / least, 1, most)) {}
  int64_t count() const { return count_; }
  int64_t begin(int64_t batch) const { return n_atoms_ * batch / count_; }

 private:
  int64_t n_atoms_, count_;
};

/// Sums buffers [count, size] into out, which is the first of them.
template <class T>
void reduce(const Ort::KernelContext& context, const std::vector<T>& buffers, int64_t size,
            T* out) {
  constexpr int64_t kBlock = 4096;
  parallel_for(context, (size + kBlock - 1) / kBlock, [&](int64_t block) {
    const int64_t begin = block * kBlock, end = std::min(size, begin + kBlock);
    for (int64_t first = 0; first < static_cast<int64_t>(buffers.size()); first += size) {
      for (int64_t k = begin; k < end; ++k) out[k] += buffers[first + k];
    }
  });
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <algorithm>
#include <memory>

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

/// One array of `size` numbers a batch; sum() adds all into the first, which is out.
template <class T>
class BatchArrays {
 public:
  BatchArrays(const Batches& batches, T* out, int64_t size)
      : count_(batches.count()), size_(size), out_(out), others_(new T[(count_ - 1) * size]) {}

  /// The batch's array, set to zero: by the thread that fills it.
  T* zeros(int64_t batch) {
    T* array = batch == 0 ? out_ : others_.get() + (batch - 1) * size_;
    std::fill_n(array, size_, T(0));
    return array;
  }

  void sum(const Ort::KernelContext& context) const {
    constexpr int64_t kBlock = 4096;
    parallel_for(context, (size_ + kBlock - 1) / kBlock, [&](int64_t block) {
      const int64_t begin = block * kBlock, end = std::min(size_, begin + kBlock);
      for (int64_t batch = 1; batch < count_; ++batch) {
        const T* other = others_.get() + (batch - 1) * size_;
        for (int64_t k = begin; k < end; ++k) out_[k] += other[k];
      }
    });
  }

 private:
  int64_t count_, size_;
  T* out_;
  std::unique_ptr<T[]> others_;  // not set to zero, as a vector's would be
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <mutex>

#include "device.h"
#include "overflow.h"

namespace dponnx::cuda {

/// As dponnx::KeptCounts, the counts on the device.
class KeptCounts {
 public:
  KeptCounts(double frequency, int64_t n) : schedule_(frequency), last_(std::vector<int64_t>(n)) {}

  /// count(to) with counts [n] where they are wanted and due, otherwise with null; then what
  /// evaluations between checks give. counts is null if not wanted.
  template <class Count>
  void give(int64_t* counts, int64_t evaluation, cudaStream_t stream, const Count& count) {
    const std::lock_guard<std::mutex> guard(lock_);
    const bool due = counts && schedule_.is_due(evaluation);
    count(due ? counts : nullptr);
    if (due) {
      copy(last_.data(), counts, stream);
    } else if (counts && evaluation >= 0) {
      set_bytes(counts, 0xff, last_.size(), stream);  // -1
    } else if (counts) {
      copy(counts, last_.data(), stream);
    }
  }

 private:
  void copy(int64_t* to, const int64_t* from, cudaStream_t stream) const {
    const size_t bytes = last_.size() * sizeof(int64_t);
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream), "copy of counts");
  }

  std::mutex lock_;
  Schedule schedule_;
  DeviceArray<int64_t> last_;
};

}  // namespace dponnx::cuda

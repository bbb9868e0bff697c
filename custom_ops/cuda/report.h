// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>

#include "device.h"

/// Errors that only a kernel can see, told without waiting for the device.
///
/// A kernel that meets a bad index leaves it out and writes the first one found into a Report in
/// memory of the host; its numbers are then void. Who waits for the stream next calls
/// check_report(): libdponnx after each evaluation, every operator of ours before its own work.
namespace dponnx::cuda {

enum class Finding : int { none, nlist, atype, two_index };

/// What was found: array[at / columns, at % columns] = value, expected at most `highest`.
struct Report {
  int what;  ///< a Finding
  long long at, columns, value, highest;
};

/// Where kernels of the current device write; the same for the whole process.
Report* report_of_device();

/// Throws Error naming the array, its element and the range, and forgets it; nothing found: none.
/// Sees what kernels reported that have ended.
void check_report();

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
/// From a kernel: the first one stays.
__device__ inline void tell(Report* report, Finding what, long long at, long long columns,
                            long long value, long long highest) {
  if (atomicCAS(&report->what, static_cast<int>(Finding::none), static_cast<int>(what)) != 0) {
    return;
  }
  report->at = at, report->columns = columns, report->value = value, report->highest = highest;
}
#endif

}  // namespace dponnx::cuda

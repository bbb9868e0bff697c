// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"

namespace dponnx::cuda {

/// values [n + 1]: values[k] becomes the sum of those before k < n, values[n] that of all n.
/// Sums are below 2^31.
void exclusive_scan(int32_t* values, int64_t n, cudaStream_t stream);

}  // namespace dponnx::cuda

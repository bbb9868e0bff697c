// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"

namespace dponnx::cuda {

/// y[k] = F::at(x[k]) for k < n, both on the device.
template <class F, class T>
void elementwise(const T* x, T* y, int64_t n, cudaStream_t stream);

}  // namespace dponnx::cuda

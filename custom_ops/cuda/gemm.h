// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"

/// Products of matrices on the device by cuBLAS, which is opened at run time: ONNX Runtime's CUDA
/// provider brings it. All matrices lie row after row. Emulated: plain loops.
namespace dponnx::cuda {

/// y [n, k] = x [n, m] w [m, k].
template <class T>
void multiply(const T* x, const T* w, T* y, int64_t n, int64_t m, int64_t k, cudaStream_t stream);

/// dx [n, m] += dy [n, k] times w [m, k] transposed; unless `add` it is = instead.
template <class T>
void multiply_transposed(const T* dy, const T* w, T* dx, int64_t n, int64_t m, int64_t k, bool add,
                         cudaStream_t stream);

}  // namespace dponnx::cuda

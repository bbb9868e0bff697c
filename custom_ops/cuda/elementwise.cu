// SPDX-License-Identifier: LGPL-3.0-or-later
#include "elementwise.h"

#include <dponnx/elementwise.h>

namespace dponnx::cuda {

namespace {

template <class F, class T>
__global__ void each(const T* x, T* y, int64_t n) {
  for (int64_t k = thread_of_grid(); k < n; k += threads_of_grid()) y[k] = F::at(x[k]);
}

}  // namespace

template <class F, class T>
void elementwise(const T* x, T* y, int64_t n, cudaStream_t stream) {
  constexpr int kThreads = 256;
  launch(each<F, T>, threads_over(kThreads, n), stream, x, y, n);
}

template void elementwise<Erf>(const double*, double*, int64_t, cudaStream_t);
template void elementwise<Softplus>(const double*, double*, int64_t, cudaStream_t);
template void elementwise<Erfc>(const float*, float*, int64_t, cudaStream_t);
template void elementwise<Erfc>(const double*, double*, int64_t, cudaStream_t);

}  // namespace dponnx::cuda

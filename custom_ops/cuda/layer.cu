// SPDX-License-Identifier: LGPL-3.0-or-later
#include "layer.h"

#include <dponnx/activation.h>

#include <algorithm>

#include "gemm.h"

namespace dponnx::cuda {

namespace {

constexpr int kThreads = 256;

/// at % columns, in 32 bits where they do.
__device__ int64_t column_of(int64_t at, int64_t columns) {
  if (at <= INT32_MAX) return static_cast<uint32_t>(at) % static_cast<uint32_t>(columns);
  return at % columns;
}

/// y = residual + idt a(y + bias), for the product x w in y.
template <Activation A, class T>
__global__ void __launch_bounds__(kThreads) finish_layer(LayerArgs<T> args, int64_t size) {
  for (int64_t at = thread_of_grid(); at < size; at += threads_of_grid()) {
    const int64_t column = column_of(at, args.w.columns);
    T slope;
    T y = activate<A, T>(args.y[at] + args.bias[column], slope);
    if (args.idt) y *= args.idt[column], slope *= args.idt[column];
    if (args.residual) y += args.residual[at];
    args.y[at] = y;
    if (args.slope) args.slope[at] = slope;
  }
}

template <class T>
using Finish = void (*)(LayerArgs<T>, int64_t);

template <class T>
Finish<T> finish_of(Activation activation) {
  switch (activation) {
    case Activation::linear:
      return finish_layer<Activation::linear, T>;
    case Activation::tanh:
      return finish_layer<Activation::tanh, T>;
    case Activation::relu:
      return finish_layer<Activation::relu, T>;
    case Activation::relu6:
      return finish_layer<Activation::relu6, T>;
    case Activation::softplus:
      return finish_layer<Activation::softplus, T>;
    case Activation::sigmoid:
      return finish_layer<Activation::sigmoid, T>;
    case Activation::gelu:
      return finish_layer<Activation::gelu, T>;
    case Activation::gelu_tf:
      return finish_layer<Activation::gelu_tf, T>;
    case Activation::silu:
      return finish_layer<Activation::silu, T>;
  }
  return nullptr;
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    multiply_each(const T* a, const T* b, T* product, int64_t size) {
  for (int64_t k = thread_of_grid(); k < size; k += threads_of_grid()) product[k] = a[k] * b[k];
}

}  // namespace

template <class T>
void layer(const LayerArgs<T>& args, int64_t n, cudaStream_t stream) {
  const int64_t columns = args.w.columns, size = n * columns;
  if (size == 0) return;
  multiply(args.x, args.w.data, args.y, n, args.w.depth, columns, stream);
  launch(finish_of<T>(args.activation), threads_over(kThreads, size), stream, args, size);
}

template <class T>
void layer_gradient(const LayerGradArgs<T>& args, int64_t n, cudaStream_t stream) {
  const int64_t depth = args.w.depth, columns = args.w.columns;
  if (n * columns == 0) return;
  constexpr int64_t kScratch = int64_t(1) << 25;  // numbers at a time: 256 MB in float64
  const int64_t most = std::clamp<int64_t>(kScratch / std::max<int64_t>(1, depth), 1, n);
  Scratch<T> scratch(most * depth, stream);
  if (args.more) {
    check(cudaMemcpyAsync(args.dx, args.more, n * columns * sizeof(T), cudaMemcpyDeviceToDevice,
                          stream),
          "copy of a gradient");
  }
  for (int64_t first = 0; first < n; first += most) {
    const int64_t rows = std::min(most, n - first), size = rows * depth;
    launch(multiply_each<T>, threads_over(kThreads, size), stream, args.dy + first * depth,
           args.slope + first * depth, scratch.data(), size);
    multiply_transposed(scratch.data(), args.w.data, args.dx + first * columns, rows, columns,
                        depth, args.more != nullptr, stream);
  }
}

#define DPONNX_INSTANTIATE(T)                                      \
  template void layer(const LayerArgs<T>&, int64_t, cudaStream_t); \
  template void layer_gradient(const LayerGradArgs<T>&, int64_t, cudaStream_t);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx::cuda

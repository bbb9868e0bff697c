// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "layer.h"
#include "layer_node.h"
#include "shared_copy.h"

namespace dponnx::cuda {

namespace {

/// The constant w [m, k] of a node on the device: a layer and its gradient share one copy.
template <class T>
struct DeviceMatrix {
  DeviceMatrix(const Ort::ConstKernelInfo& info, size_t index) {
    const Input<T> w = matrix_input<T>(info, index);
    m = w.shape[0], k = w.shape[1];
    data = shared_copy<DeviceArray<T>>(std::make_tuple(w.data, m, k, current_device()), [&] {
      return std::make_shared<const DeviceArray<T>>(w.data, m * k);
    });
  }
  std::shared_ptr<const DeviceArray<T>> data;
  int64_t m, k;
};

template <class T>
class FittingLayer : public LayerPorts<T> {
 public:
  static bool on_host(size_t input) { return input == LayerPorts<T>::w_at; }

  explicit FittingLayer(Ort::ConstKernelInfo info)
      : w_(info, LayerPorts<T>::w_at), activation_(read_activation(info)) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    LayerArgs<T> args{};
    args.w = {w_.data->data(), w_.m, w_.k};
    args.activation = activation_;
    const int64_t n = LayerPorts<T>::read(context, args);
    layer(args, n, stream);
  }

 private:
  DeviceMatrix<T> w_;
  Activation activation_;
};

template <class T>
class FittingLayerGrad : public LayerGradPorts<T> {
 public:
  static bool on_host(size_t input) { return input == LayerGradPorts<T>::w_at; }

  explicit FittingLayerGrad(Ort::ConstKernelInfo info) : w_(info, LayerGradPorts<T>::w_at) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    LayerGradArgs<T> args{};
    args.w = {w_.data->data(), w_.k, w_.m};
    const int64_t n = LayerGradPorts<T>::read(context, args);
    layer_gradient(args, n, stream);
  }

 private:
  DeviceMatrix<T> w_;
};

}  // namespace

void add_layer_ops(Ort::CustomOpDomain& domain) {
  add_cuda_op<FittingLayer<float>>(domain);
  add_cuda_op<FittingLayer<double>>(domain);
  add_cuda_op<FittingLayerGrad<float>>(domain);
  add_cuda_op<FittingLayerGrad<double>>(domain);
}

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "elementwise.h"
#include "elementwise_node.h"

namespace dponnx::cuda {

namespace {

template <class Ports>
class Elementwise : public Ports {
  using T = typename Ports::Element;

 public:
  static bool on_host(size_t) { return false; }

  explicit Elementwise(Ort::ConstKernelInfo) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    const auto x = get_input<T>(context, Ports::inputs, 0);
    T* y = get_output<T>(context, 0, x.shape);
    elementwise<typename Ports::Function>(x.data, y, x.size(), stream);
  }
};

}  // namespace

void add_elementwise_ops(Ort::CustomOpDomain& domain) {
  for_each_elementwise([&](auto ports) { add_cuda_op<Elementwise<decltype(ports)>>(domain); });
}

}  // namespace dponnx::cuda

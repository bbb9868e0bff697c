// SPDX-License-Identifier: LGPL-3.0-or-later
#include <dponnx/elementwise.h>

#include "cuda_ops.h"
#include "elementwise.h"

namespace dponnx::cuda {

namespace {

template <class F, class T>
class Elementwise {
 public:
  static constexpr const char* name = F::name;
  static constexpr Port inputs[] = {{"x", element_type<T>}};
  static constexpr Port outputs[] = {{"y", element_type<T>}};
  static bool on_host(size_t) { return false; }

  explicit Elementwise(Ort::ConstKernelInfo) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    const auto x = get_input<T>(context, inputs, 0);
    elementwise<F>(x.data, get_output<T>(context, 0, x.shape), x.size(), stream);
  }
};

}  // namespace

void add_elementwise_ops(Ort::CustomOpDomain& domain) {
  add_cuda_op<Elementwise<Erf, double>>(domain);
  add_cuda_op<Elementwise<Softplus, double>>(domain);
  add_cuda_op<Elementwise<Erfc, float>>(domain);
  add_cuda_op<Elementwise<Erfc, double>>(domain);
}

}  // namespace dponnx::cuda

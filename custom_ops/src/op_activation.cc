// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "elementwise_node.h"
#include "ops.h"

namespace dponnx {

namespace {

/// y = F(x) element by element.
template <class Ports>
class Elementwise : public Ports {
  using T = typename Ports::Element;

 public:
  explicit Elementwise(Ort::ConstKernelInfo) {}

  void run(Ort::KernelContext& context) {
    const auto x = get_input<T>(context, Ports::inputs, 0);
    T* y = get_output<T>(context, 0, x.shape);
    const int64_t n = x.size();
    constexpr int64_t chunk = 4096;  // about 40 us
    parallel_for(context, (n + chunk - 1) / chunk, [&](int64_t task) {
      const int64_t begin = task * chunk, end = std::min(n, begin + chunk);
      std::transform(x.data + begin, x.data + end, y + begin,
                     [](T v) { return Ports::Function::at(v); });
    });
  }
};

}  // namespace

void add_activation_ops(Ort::CustomOpDomain& domain) {
  for_each_elementwise([&](auto ports) { add_op<Elementwise<decltype(ports)>>(domain); });
}

}  // namespace dponnx

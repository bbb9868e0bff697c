// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "dispatch.h"
#include "ops.h"

namespace dponnx {

namespace {

template <class T>
void run_rows(const Ort::KernelContext& context, const BiasTanhArgs<T>& args, int64_t n,
              typename BiasTanhKernels<T>::Function* kernel) {
  constexpr int64_t kWork = 16384;  // elements a task: about 10 us
  const int64_t rows = std::max<int64_t>(1, kWork / std::max<int64_t>(1, args.k));
  parallel_for(context, (n + rows - 1) / rows,
               [&](int64_t task) { kernel(args, task * rows, std::min(n, (task + 1) * rows)); });
}

/// From the first input [n, k].
template <class T>
BiasTanhArgs<T> first_rows(const Ort::KernelContext& context, const Port* ports, int64_t& n) {
  const auto x = get_input<T>(context, ports, 0, {-1, -1});
  n = x.shape[0];
  BiasTanhArgs<T> args{};
  args.x = x.data;
  args.k = x.shape[1];
  return args;
}

/// An input that may be left out: null.
template <class T>
const T* optional_input(const Ort::KernelContext& context, const Port* ports, size_t index,
                        const std::vector<int64_t>& shape) {
  if (context.GetInputCount() <= index || !context.GetInput(index)) return nullptr;
  return get_input<T>(context, ports, index, shape).data;
}

template <class T>
class BiasTanh {
 public:
  static constexpr const char* name = "BiasTanh";
  static constexpr Port inputs[] = {{"x", element_type<T>},
                                    {"bias", element_type<T>},
                                    {"idt", element_type<T>, true},
                                    {"residual", element_type<T>, true}};
  static constexpr Port outputs[] = {{"y", element_type<T>}, {"t", element_type<T>, true}};

  explicit BiasTanh(Ort::ConstKernelInfo) {}

  void run(Ort::KernelContext& context) {
    int64_t n;
    BiasTanhArgs<T> args = first_rows<T>(context, inputs, n);
    const int64_t k = args.k;
    args.bias = get_input<T>(context, inputs, 1, {k}).data;
    args.idt = optional_input<T>(context, inputs, 2, {k});
    args.residual = optional_input<T>(context, inputs, 3, {n, k});
    args.y = get_output<T>(context, 0, {n, k});
    args.t = get_optional_output<T>(context, 1, {n, k});
    run_rows(context, args, n, kernels().of<T>().bias_tanh.forward);
  }
};

template <class T>
class BiasTanhGrad {
 public:
  static constexpr const char* name = "BiasTanhGrad";
  static constexpr Port inputs[] = {
      {"t", element_type<T>}, {"dy", element_type<T>}, {"idt", element_type<T>, true}};
  static constexpr Port outputs[] = {{"dx", element_type<T>}};

  explicit BiasTanhGrad(Ort::ConstKernelInfo) {}

  void run(Ort::KernelContext& context) {
    int64_t n;
    BiasTanhArgs<T> args = first_rows<T>(context, inputs, n);
    const int64_t k = args.k;
    args.dy = get_input<T>(context, inputs, 1, {n, k}).data;
    args.idt = optional_input<T>(context, inputs, 2, {k});
    args.y = get_output<T>(context, 0, {n, k});
    run_rows(context, args, n, kernels().of<T>().bias_tanh.gradient);
  }
};

}  // namespace

void add_bias_tanh_ops(Ort::CustomOpDomain& domain) {
  add_op<BiasTanh<float>>(domain);
  add_op<BiasTanh<double>>(domain);
  add_op<BiasTanhGrad<float>>(domain);
  add_op<BiasTanhGrad<double>>(domain);
}

}  // namespace dponnx

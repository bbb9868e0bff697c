// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "dispatch.h"
#include "ops.h"
#include "table_input.h"

namespace dponnx {

namespace {

/// What both share: the attribute axis, shapes, threads.
template <class T>
class Contraction {
 public:
  explicit Contraction(const Ort::ConstKernelInfo& info)
      : axis_(checked_count("axis", info.GetAttribute<int64_t>("axis"), 1)) {}

  /// From T [n, 4, width].
  ContractArgs<T> read(const Ort::KernelContext& context, const Port* ports, int64_t& n) const {
    const auto t = get_input<T>(context, ports, 0, {-1, 4, -1});
    n = t.shape[0];
    ContractArgs<T> args{};
    args.t = t.data;
    args.width = static_cast<int>(t.shape[2]);
    args.axis = axis_;
    if (axis_ > args.width) {
      fail(Code::invalid_model, "axis = ", axis_, "; expected at most the width ", args.width);
    }
    args.size = int64_t(axis_) * args.width - int64_t(axis_) * (axis_ - 1) / 2;
    constexpr int kMostLanes = 16;
    args.stride = args.width + 2 * kMostLanes;
    return args;
  }

  void run(const Ort::KernelContext& context, const ContractArgs<T>& args, int64_t n,
           typename ContractKernels<T>::Function* kernel) const {
    constexpr int64_t kChunk = 16;  // atoms a task: about 12 us of work
    parallel_for(context, (n + kChunk - 1) / kChunk, [&](int64_t chunk) {
      std::vector<T> scratch((4 + axis_) * args.stride);
      kernel(args, chunk * kChunk, std::min(n, (chunk + 1) * kChunk), scratch.data());
    });
  }

 private:
  int axis_;
};

template <class T>
class ContractSeA {
 public:
  static constexpr const char* name = "ContractSeA";
  static constexpr Port inputs[] = {{"t", element_type<T>}};
  static constexpr Port outputs[] = {{"d", element_type<T>}};

  explicit ContractSeA(Ort::ConstKernelInfo info) : contraction_(info) {}

  void run(Ort::KernelContext& context) {
    int64_t n;
    ContractArgs<T> args = contraction_.read(context, inputs, n);
    args.d = get_output<T>(context, 0, {n, args.size});
    contraction_.run(context, args, n, kernels().of<T>().contract.forward);
  }

 private:
  Contraction<T> contraction_;
};

template <class T>
class ContractSeAGrad {
 public:
  static constexpr const char* name = "ContractSeAGrad";
  static constexpr Port inputs[] = {{"t", element_type<T>}, {"dy", element_type<T>}};
  static constexpr Port outputs[] = {{"dt", element_type<T>}};

  explicit ContractSeAGrad(Ort::ConstKernelInfo info) : contraction_(info) {}

  void run(Ort::KernelContext& context) {
    int64_t n;
    ContractArgs<T> args = contraction_.read(context, inputs, n);
    args.dd = get_input<T>(context, inputs, 1, {n, args.size}).data;
    args.dt = get_output<T>(context, 0, {n, 4, args.width});
    contraction_.run(context, args, n, kernels().of<T>().contract.gradient);
  }

 private:
  Contraction<T> contraction_;
};

}  // namespace

void add_contract_ops(Ort::CustomOpDomain& domain) {
  add_op<ContractSeA<float>>(domain);
  add_op<ContractSeA<double>>(domain);
  add_op<ContractSeAGrad<float>>(domain);
  add_op<ContractSeAGrad<double>>(domain);
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "descriptor.h"
#include "ort.h"
#include "table_input.h"

/// The contraction of se_e2_a as a node: ports, the attribute axis, shapes.
namespace dponnx {

/// For T [n, 4, width] the arguments of the kernels but for d, dd, dt and stride.
template <class T>
ContractArgs<T> contract_args(const Input<T>& t, int axis) {
  ContractArgs<T> args{};
  args.t = t.data;
  args.width = static_cast<int>(t.shape[2]);
  args.axis = axis;
  if (axis > args.width) {
    fail(Code::invalid_model, "axis = ", axis, "; expected at most the width ", args.width);
  }
  args.size = int64_t(axis) * args.width - int64_t(axis) * (axis - 1) / 2;
  return args;
}

template <class T>
class Contraction {
 public:
  static constexpr const char* name = "ContractSeA";
  static constexpr Port inputs[] = {{"t", element_type<T>}};
  static constexpr Port outputs[] = {{"d", element_type<T>}};

  explicit Contraction(const Ort::ConstKernelInfo& info)
      : axis_(checked_count("axis", info.GetAttribute<int64_t>("axis"), 1)) {}

  /// What to compute, for n atoms; allocates the output.
  ContractArgs<T> read(const Ort::KernelContext& context, int64_t& n) const {
    const auto t = get_input<T>(context, inputs, 0, {-1, 4, -1});
    ContractArgs<T> args = contract_args(t, axis_);
    n = t.shape[0];
    args.d = get_output<T>(context, 0, {n, args.size});
    return args;
  }

 private:
  int axis_;
};

template <class T>
class ContractionGrad {
 public:
  static constexpr const char* name = "ContractSeAGrad";
  static constexpr Port inputs[] = {{"t", element_type<T>}, {"dy", element_type<T>}};
  static constexpr Port outputs[] = {{"dt", element_type<T>}};

  explicit ContractionGrad(const Ort::ConstKernelInfo& info)
      : axis_(checked_count("axis", info.GetAttribute<int64_t>("axis"), 1)) {}

  /// As Contraction's.
  ContractArgs<T> read(const Ort::KernelContext& context, int64_t& n) const {
    const auto t = get_input<T>(context, inputs, 0, {-1, 4, -1});
    ContractArgs<T> args = contract_args(t, axis_);
    n = t.shape[0];
    args.dd = get_input<T>(context, inputs, 1, {n, args.size}).data;
    args.dt = get_output<T>(context, 0, {n, 4, args.width});
    return args;
  }

 private:
  int axis_;
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "descriptor.h"
#include "ort.h"
#include "table_input.h"

/// The contraction of se_e2_a as a node: ports, the attribute axis, shapes.
namespace dponnx {

/// What both share: the attribute axis, and what T [n, 4, width] tells.
template <class T>
class ContractionNode {
 public:
  explicit ContractionNode(const Ort::ConstKernelInfo& info)
      : axis_(checked_count("axis", info.GetAttribute<int64_t>("axis"), 1)) {}

 protected:
  /// The arguments of the kernels but for d, dd, dt and stride, from the first input; and n.
  ContractArgs<T> args(const Ort::KernelContext& context, const Port* ports, int64_t& n) const {
    const auto t = get_input<T>(context, ports, 0, {-1, 4, -1});
    n = t.shape[0];
    ContractArgs<T> args{};
    args.t = t.data;
    args.width = static_cast<int>(t.shape[2]);
    args.axis = axis_;
    if (axis_ > args.width) {
      fail(Code::invalid_model, "axis = ", axis_, "; expected at most the width ", args.width);
    }
    args.size = contraction_size(args.width, axis_);
    return args;
  }

 private:
  int axis_;
};

template <class T>
class Contraction : public ContractionNode<T> {
 public:
  static constexpr const char* name = "ContractSeA";
  static constexpr Port inputs[] = {{"t", element_type<T>}};
  static constexpr Port outputs[] = {{"d", element_type<T>}};
  using ContractionNode<T>::ContractionNode;

  /// What to compute, for n atoms; allocates the output.
  ContractArgs<T> read(const Ort::KernelContext& context, int64_t& n) const {
    ContractArgs<T> args = this->args(context, inputs, n);
    args.d = get_output<T>(context, 0, {n, args.size});
    return args;
  }
};

template <class T>
class ContractionGrad : public ContractionNode<T> {
 public:
  static constexpr const char* name = "ContractSeAGrad";
  static constexpr Port inputs[] = {{"t", element_type<T>}, {"dy", element_type<T>}};
  static constexpr Port outputs[] = {{"dt", element_type<T>}};
  using ContractionNode<T>::ContractionNode;

  /// As Contraction's.
  ContractArgs<T> read(const Ort::KernelContext& context, int64_t& n) const {
    ContractArgs<T> args = this->args(context, inputs, n);
    args.dd = get_input<T>(context, inputs, 1, {n, args.size}).data;
    args.dt = get_output<T>(context, 0, {n, 4, args.width});
    return args;
  }
};

}  // namespace dponnx

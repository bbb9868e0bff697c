// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "kernel_args.h"
#include "ort.h"
#include "table_input.h"

/// What layers of the fitting net read from node and inputs, whatever the device.
namespace dponnx {

/// The constant w [m, k] of a layer or of its gradient.
template <class T>
Input<T> matrix_input(const Ort::ConstKernelInfo& info, size_t index) {
  const Input<T> w = constant_input<T>(info, index, "w");
  if (w.shape.size() != 2) {
    fail(Code::invalid_model, "w has shape ", to_text(w.shape), "; expected ", to_text({-1, -1}));
  }
  return w;
}

/// An input that may be left out: null.
template <class T>
const T* optional_input(const Ort::KernelContext& context, const Port* ports, size_t index,
                        const std::vector<int64_t>& shape) {
  if (context.GetInputCount() <= index || !context.GetInput(index)) return nullptr;
  return get_input<T>(context, ports, index, shape).data;
}

inline Activation read_activation(const Ort::ConstKernelInfo& info) {
  const std::string name = info.GetAttribute<std::string>("activation");
  std::string known;
  for (size_t k = 0; k < std::size(kActivationNames); ++k) {
    if (name == kActivationNames[k]) return static_cast<Activation>(k);
    known += (k ? ", " : "") + std::string(kActivationNames[k]);
  }
  fail(Code::invalid_model, "activation = ", name, "; expected one of ", known);
}

template <class T>
struct LayerPorts {
  static constexpr const char* name = "FittingLayer";
  static constexpr Port inputs[] = {{"x", element_type<T>},
                                    {"w", element_type<T>},
                                    {"bias", element_type<T>},
                                    {"idt", element_type<T>, true},
                                    {"residual", element_type<T>, true}};
  static constexpr Port outputs[] = {{"y", element_type<T>}, {"slope", element_type<T>, true}};
  static constexpr size_t w_at = 1;

  /// Fills args, whose w is set, from the inputs and allocates the outputs. Returns n.
  static int64_t read(const Ort::KernelContext& context, LayerArgs<T>& args) {
    const int64_t k = args.w.columns;
    const auto x = get_input<T>(context, inputs, 0, {-1, args.w.depth});
    const int64_t n = x.shape[0];
    args.x = x.data;
    args.bias = get_input<T>(context, inputs, 2, {k}).data;
    args.idt = optional_input<T>(context, inputs, 3, {k});
    args.residual = optional_input<T>(context, inputs, 4, {n, k});
    args.y = get_output<T>(context, 0, {n, k});
    args.slope = get_optional_output<T>(context, 1, {n, k});
    return n;
  }
};

template <class T>
struct LayerGradPorts {
  static constexpr const char* name = "FittingLayerGrad";
  static constexpr Port inputs[] = {{"slope", element_type<T>},
                                    {"dy", element_type<T>},
                                    {"w", element_type<T>},
                                    {"more", element_type<T>, true}};
  static constexpr Port outputs[] = {{"dx", element_type<T>}};
  static constexpr size_t w_at = 2;

  /// As LayerPorts's.
  static int64_t read(const Ort::KernelContext& context, LayerGradArgs<T>& args) {
    const int64_t k = args.w.depth, m = args.w.columns;
    const auto slope = get_input<T>(context, inputs, 0, {-1, k});
    const int64_t n = slope.shape[0];
    args.slope = slope.data;
    args.dy = get_input<T>(context, inputs, 1, {n, k}).data;
    args.more = optional_input<T>(context, inputs, 3, {n, m});
    args.dx = get_output<T>(context, 0, {n, m});
    return n;
  }
};

}  // namespace dponnx

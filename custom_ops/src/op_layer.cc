// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <cstring>
#include <memory>

#include "dispatch.h"
#include "ops.h"
#include "packed_matrix.h"
#include "table_input.h"

namespace dponnx {

namespace {

/// How a product [n, depth] x [depth, columns] is shared out: pieces of rows, and while they are
/// few, each cut into groups of panels. Depends on sizes only.
class Parts {
 public:
  Parts(int64_t n, int64_t panels, int64_t products_a_row) : n_(n), panels_(panels) {
    constexpr int64_t kRows = 32;         // a piece of x stays in the second cache
    constexpr int64_t kTask = 1'000'000;  // products: 35 us in float64, waking a thread 10
    constexpr int64_t kLeastRows = 5;     // fewer take as long: W is read from the third cache
    constexpr int64_t kMostTasks = 16;
    pieces_ = (n + kRows - 1) / kRows;
    const int64_t work = std::max(n, kLeastRows) * products_a_row;
    const int64_t tasks = std::min(kMostTasks, work / kTask);
    if (n > 0) groups_ = std::clamp<int64_t>(tasks / pieces_, 1, std::max<int64_t>(1, panels));
  }
  int64_t count() const { return pieces_ * groups_; }
  LayerPart at(int64_t task) const {
    const int64_t piece = task / groups_, group = task % groups_;
    return {n_ * piece / pieces_, n_ * (piece + 1) / pieces_, panels_ * group / groups_,
            panels_ * (group + 1) / groups_};
  }

 private:
  int64_t n_, panels_, pieces_, groups_ = 1;
};

/// The constant w [m, k] of a layer or of its gradient, packed.
template <class T>
std::shared_ptr<const PackedMatrix<T>> packed_input(const Ort::ConstKernelInfo& info, size_t index,
                                                    bool transposed) {
  const Input<T> w = constant_input<T>(info, index, "w");
  if (w.shape.size() != 2) {
    fail(Code::invalid_model, "w has shape ", to_text(w.shape), "; expected ", to_text({-1, -1}));
  }
  return shared_matrix(w.data, w.shape[0], w.shape[1], transposed, kernels());
}

/// An input that may be left out: null.
template <class T>
const T* optional_input(const Ort::KernelContext& context, const Port* ports, size_t index,
                        const std::vector<int64_t>& shape) {
  if (context.GetInputCount() <= index || !context.GetInput(index)) return nullptr;
  return get_input<T>(context, ports, index, shape).data;
}

Activation read_activation(const Ort::ConstKernelInfo& info) {
  const std::string name = info.GetAttribute<std::string>("activation");
  std::string known;
  for (size_t k = 0; k < std::size(kActivationNames); ++k) {
    if (name == kActivationNames[k]) return static_cast<Activation>(k);
    known += (k ? ", " : "") + std::string(kActivationNames[k]);
  }
  fail(Code::invalid_model, "activation = ", name, "; expected one of ", known);
}

template <class T>
class FittingLayer {
 public:
  static constexpr const char* name = "FittingLayer";
  static constexpr Port inputs[] = {{"x", element_type<T>},
                                    {"w", element_type<T>},
                                    {"bias", element_type<T>},
                                    {"idt", element_type<T>, true},
                                    {"residual", element_type<T>, true}};
  static constexpr Port outputs[] = {{"y", element_type<T>}, {"slope", element_type<T>, true}};

  explicit FittingLayer(Ort::ConstKernelInfo info)
      : w_(packed_input<T>(info, 1, false)), activation_(read_activation(info)) {}

  void run(Ort::KernelContext& context) {
    LayerArgs<T> args{};
    args.w = w_->view();
    args.activation = activation_;
    const int64_t depth = args.w.depth, k = args.w.columns;
    const auto x = get_input<T>(context, inputs, 0, {-1, depth});
    const int64_t n = x.shape[0];
    args.x = x.data;
    args.bias = get_input<T>(context, inputs, 2, {k}).data;
    args.idt = optional_input<T>(context, inputs, 3, {k});
    args.residual = optional_input<T>(context, inputs, 4, {n, k});
    args.y = get_output<T>(context, 0, {n, k});
    args.slope = get_optional_output<T>(context, 1, {n, k});
    const Parts parts(n, w_->panels(), depth * k);
    auto* const kernel = kernels().of<T>().layer.forward;
    parallel_for(context, parts.count(), [&](int64_t task) { kernel(args, parts.at(task)); });
  }

 private:
  std::shared_ptr<const PackedMatrix<T>> w_;
  Activation activation_;
};

template <class T>
class FittingLayerGrad {
 public:
  static constexpr const char* name = "FittingLayerGrad";
  static constexpr Port inputs[] = {{"slope", element_type<T>},
                                    {"dy", element_type<T>},
                                    {"w", element_type<T>},
                                    {"more", element_type<T>, true}};
  static constexpr Port outputs[] = {{"dx", element_type<T>}};

  explicit FittingLayerGrad(Ort::ConstKernelInfo info) : w_(packed_input<T>(info, 2, true)) {}

  void run(Ort::KernelContext& context) {
    LayerGradArgs<T> args{};
    args.w = w_->view();
    const int64_t k = args.w.depth, m = args.w.columns;
    const auto slope = get_input<T>(context, inputs, 0, {-1, k});
    const int64_t n = slope.shape[0];
    args.slope = slope.data;
    args.dy = get_input<T>(context, inputs, 1, {n, k}).data;
    args.more = optional_input<T>(context, inputs, 3, {n, m});
    args.dx = get_output<T>(context, 0, {n, m});
    const Parts parts(n, w_->panels(), k * m);
    auto* const kernel = kernels().of<T>().layer.gradient;
    parallel_for(context, parts.count(), [&](int64_t task) {
      const LayerPart part = parts.at(task);
      const auto scratch = make_aligned<T>((part.row_end - part.row_begin) * k);
      kernel(args, part, scratch.get());
    });
  }

 private:
  std::shared_ptr<const PackedMatrix<T>> w_;
};

}  // namespace

void add_layer_ops(Ort::CustomOpDomain& domain) {
  add_op<FittingLayer<float>>(domain);
  add_op<FittingLayer<double>>(domain);
  add_op<FittingLayerGrad<float>>(domain);
  add_op<FittingLayerGrad<double>>(domain);
}

}  // namespace dponnx

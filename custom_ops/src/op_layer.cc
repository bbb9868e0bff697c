// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <cstring>
#include <memory>

#include "dispatch.h"
#include "layer_node.h"
#include "ops.h"
#include "packed_matrix.h"

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
  const Input<T> w = matrix_input<T>(info, index);
  return shared_matrix(w.data, w.shape[0], w.shape[1], transposed, kernels());
}

template <class T>
class FittingLayer : public LayerPorts<T> {
 public:
  explicit FittingLayer(Ort::ConstKernelInfo info)
      : w_(packed_input<T>(info, LayerPorts<T>::w_at, false)), activation_(read_activation(info)) {}

  void run(Ort::KernelContext& context) {
    LayerArgs<T> args{};
    args.w = w_->view();
    args.activation = activation_;
    const int64_t n = LayerPorts<T>::read(context, args);
    const Parts parts(n, w_->panels(), args.w.depth * args.w.columns);
    auto* const kernel = kernels().of<T>().layer.forward;
    parallel_for(context, parts.count(), [&](int64_t task) { kernel(args, parts.at(task)); });
  }

 private:
  std::shared_ptr<const PackedMatrix<T>> w_;
  Activation activation_;
};

template <class T>
class FittingLayerGrad : public LayerGradPorts<T> {
 public:
  explicit FittingLayerGrad(Ort::ConstKernelInfo info)
      : w_(packed_input<T>(info, LayerGradPorts<T>::w_at, true)) {}

  void run(Ort::KernelContext& context) {
    LayerGradArgs<T> args{};
    args.w = w_->view();
    const int64_t n = LayerGradPorts<T>::read(context, args), k = args.w.depth;
    const Parts parts(n, w_->panels(), k * args.w.columns);
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

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "device_table.h"
#include "kept_counts.h"
#include "tabulate.h"
#include "tabulation_node.h"

namespace dponnx::cuda {

namespace {

/// What forward and gradient share: the node, its table and gates on the device.
template <class T, TableKind K>
class Tabulation {
 public:
  explicit Tabulation(const Ort::ConstKernelInfo& info)
      : node_(info),
        table_(shared_device_table(node_.coef(), node_.grid().n_rows(), node_.width())),
        gates_(node_.gates(), node_.n_gates() * node_.width()) {}

  const TableGrid<T>& grid() const { return node_.grid(); }
  int64_t n_gates() const { return node_.n_gates(); }

  Entries<T> read(const Ort::KernelContext& context, const Port* ports, size_t n) const {
    Entries<T> in = node_.read(context, ports, n);
    in.args.table = table_->view(node_.grid());
    if (K == TableKind::se_atten) in.args.gates.rows = gates_.data();
    return in;
  }

 private:
  TabulationNode<T, K> node_;
  std::shared_ptr<const DeviceTable<T>> table_;
  DeviceArray<T> gates_;
};

/// Whether a constructor reads this input: table, table_info, two_embed.
template <TableKind K>
bool is_constant(size_t input) {
  return input < 2 || (K == TableKind::se_atten && input == 4);
}

template <class T, TableKind K>
class TabulateFusion : public TabulateFusionPorts<T, K> {
  using Ports = TabulateFusionPorts<T, K>;
  static constexpr size_t kEvaluation = Ports::inputs.size() - 1;

 public:
  static bool on_host(size_t input) { return is_constant<K>(input) || input == kEvaluation; }

  explicit TabulateFusion(Ort::ConstKernelInfo info)
      : tabulation_(info), kept_(constant_input<T>(info, 1, "table_info").data[5], 2) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    Entries<T> in = tabulation_.read(context, Ports::inputs.data(), kEvaluation);
    const int64_t n = in.out_shape[0];
    in.args.out = get_output<T>(context, 0, in.out_shape);
    if constexpr (K == TableKind::se_t) {
      tabulate_pairs(in.args, n, stream);
    } else if constexpr (K == TableKind::se_r) {
      tabulate_each(in.args, in.total, stream);
    } else {
      tabulate<K == TableKind::se_atten>(in.args, n, tabulation_.n_gates(), stream);
    }
    const int64_t evaluation = read_evaluation(context, Ports::inputs.data(), kEvaluation);
    int64_t* overflow = get_optional_output<int64_t>(context, 1, {2});
    kept_.give(overflow, evaluation, stream, [&](int64_t* counts) {
      if (counts) count_overflow(tabulation_.grid(), in.args.em_x, in.total, counts, stream);
    });
  }

 private:
  Tabulation<T, K> tabulation_;
  KeptCounts kept_;
};

template <class T, TableKind K>
class TabulateFusionGrad : public TabulateFusionGradPorts<T, K> {
  using Ports = TabulateFusionGradPorts<T, K>;

 public:
  static bool on_host(size_t input) { return is_constant<K>(input); }

  explicit TabulateFusionGrad(Ort::ConstKernelInfo info) : tabulation_(info) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    Entries<T> in = tabulation_.read(context, Ports::inputs.data(), Ports::inputs.size());
    const int64_t n = in.out_shape[0];
    read_gradient<K>(context, Ports::inputs.data(), in);
    if constexpr (K == TableKind::se_t) {
      tabulate_pairs_grad(in.args, n, stream);
    } else if constexpr (K == TableKind::se_r) {
      tabulate_each_grad(in.args, in.total, stream);
    } else {
      tabulate_grad<K == TableKind::se_atten>(in.args, n, tabulation_.n_gates(), stream);
    }
  }

 private:
  Tabulation<T, K> tabulation_;
};

}  // namespace

void add_tabulate_ops(Ort::CustomOpDomain& domain) {
  for_each_tabulation([&](auto types) {
    using Of = decltype(types);
    add_cuda_op<TabulateFusion<typename Of::T, Of::kind>>(domain);
    add_cuda_op<TabulateFusionGrad<typename Of::T, Of::kind>>(domain);
  });
}

}  // namespace dponnx::cuda

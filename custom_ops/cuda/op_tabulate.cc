// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "device_table.h"
#include "overflow.h"
#include "tabulate.h"
#include "tabulation_node.h"

namespace dponnx::cuda {

namespace {

/// As dponnx::OverflowCheck, the counts on the device.
class OverflowCheck {
 public:
  explicit OverflowCheck(double frequency) : schedule_(frequency) {}

  template <class T>
  void check(const TableGrid<T>& grid, const T* x, int64_t n, int64_t evaluation, int64_t* counts,
             cudaStream_t stream) {
    constexpr size_t kBytes = 2 * sizeof(int64_t);
    const std::lock_guard<std::mutex> guard(lock_);
    const bool due = schedule_.is_due(evaluation);
    if (due) count_overflow(grid, x, n, counts, stream);
    if (evaluation >= 0) {
      if (!due) dponnx::cuda::check(cudaMemsetAsync(counts, 0xff, kBytes, stream), "counts of -1");
      return;
    }
    // Those between checks repeat the last counts.
    const int64_t* from = due ? counts : last_.data();
    int64_t* to = due ? last_.data() : counts;
    dponnx::cuda::check(cudaMemcpyAsync(to, from, kBytes, cudaMemcpyDeviceToDevice, stream),
                        "copy of counts");
  }

 private:
  std::mutex lock_;
  Schedule schedule_;
  DeviceArray<int64_t> last_{std::vector<int64_t>(2)};
};

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
      : tabulation_(info), overflow_(constant_input<T>(info, 1, "table_info").data[5]) {}

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
    if (int64_t* counts = get_optional_output<int64_t>(context, 1, {2})) {
      const int64_t evaluation = read_evaluation(context, Ports::inputs.data(), kEvaluation);
      overflow_.check(tabulation_.grid(), in.args.em_x, in.total, evaluation, counts, stream);
    }
  }

 private:
  Tabulation<T, K> tabulation_;
  OverflowCheck overflow_;
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

template <class T, TableKind K>
void add(Ort::CustomOpDomain& domain) {
  add_cuda_op<TabulateFusion<T, K>>(domain);
  add_cuda_op<TabulateFusionGrad<T, K>>(domain);
}

}  // namespace

void add_tabulate_ops(Ort::CustomOpDomain& domain) {
  add<float, TableKind::se_a>(domain);
  add<double, TableKind::se_a>(domain);
  add<float, TableKind::se_r>(domain);
  add<double, TableKind::se_r>(domain);
  add<float, TableKind::se_t>(domain);
  add<double, TableKind::se_t>(domain);
  add<float, TableKind::se_atten>(domain);
  add<double, TableKind::se_atten>(domain);
}

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "dispatch.h"
#include "laid_table.h"
#include "ops.h"
#include "overflow.h"
#include "tabulation_node.h"

namespace dponnx {

namespace {

/// What forward and gradient share: the node, its table as the kernels read it, the threads.
template <class T, TableKind K>
class Tabulation {
 public:
  explicit Tabulation(const Ort::ConstKernelInfo& info) : all_(dponnx::kernels()), node_(info) {
    const TableGrid<T>& grid = node_.grid();
    laid_ = shared_table(node_.coef(), grid.n_rows(), node_.width(), all_);
    view_ = laid_->view(grid);
    if (K == TableKind::se_atten) lay_gates();
  }

  const TableGrid<T>& grid() const { return view_.grid; }
  const TableKernels<T>& kernels() const {
    const KernelsOf<T>& of = all_.of<T>();
    switch (K) {
      case TableKind::se_a:
        return of.table_a;
      case TableKind::se_t:
        return of.table_t;
      case TableKind::se_r:
        return of.table_r;
      case TableKind::se_atten:
        return of.table_atten;
    }
  }

  /// As TabulationNode::read, all checked.
  Entries<T> read(const Ort::KernelContext& context, const Port* ports, size_t n) const {
    Entries<T> in = node_.read(context, ports, n);
    in.args.table = view_;
    if (K == TableKind::se_atten) {
      check_range(in.gate_index, 0, node_.n_gates() - 1, "0..rows of two_embed - 1");
      in.args.gates.rows = gates_.data();
    }
    return in;
  }

  /// One kernel over all atoms (se_e2_r: neighbours), about 100 us of work a task.
  void run(const Ort::KernelContext& context, const Entries<T>& in,
           typename TableKernels<T>::Function* kernel) const {
    constexpr int64_t work = K == TableKind::se_t ? 16384 : 2048;
    const int64_t nnei = in.args.nnei, n_rows = view_.grid.n_rows();
    const int64_t n = K == TableKind::se_r ? in.total : in.out_shape[0];
    const int64_t chunk =
        K == TableKind::se_r ? work : std::clamp<int64_t>(work / (nnei + 1), 1, 64);
    parallel_for(context, (n + chunk - 1) / chunk, [&](int64_t task) {
      std::vector<Located<T>> located(K == TableKind::se_r ? chunk : has_rows(K) ? nnei : 0);
      std::vector<T> dy(4 * view_.row_size / 6);
      std::vector<RowShare<T>> shares(K == TableKind::se_t ? std::min(nnei, n_rows) : 0);
      std::vector<int32_t> share_of_row(K == TableKind::se_t ? n_rows : 0, -1);
      const int64_t begin = task * chunk;
      kernel(in.args, begin, std::min(n, begin + chunk),
             {located.data(), dy.data(), shares.data(), share_of_row.data()});
    });
  }

 private:
  /// Copies two_embed to rows of the table's vectors, padded with zeros.
  void lay_gates() {
    const int64_t size = view_.row_size / 6;
    gates_.resize(node_.n_gates() * size);
    for (int64_t k = 0; k < node_.n_gates(); ++k) {
      std::copy_n(node_.gates() + k * view_.width, view_.width, gates_.data() + k * size);
    }
  }

  const Kernels& all_;
  TabulationNode<T, K> node_;
  std::shared_ptr<const LaidTable<T>> laid_;
  TableView<T> view_;
  std::vector<T> gates_;
};

template <class T, TableKind K>
class TabulateFusion : public TabulateFusionPorts<T, K> {
 public:
  explicit TabulateFusion(Ort::ConstKernelInfo info)
      : tabulation_(info), overflow_(constant_input<T>(info, 1, "table_info").data[5]) {}

  void run(Ort::KernelContext& context) {
    Entries<T> in = tabulation_.read(context, this->inputs.data(), this->inputs.size() - 1);
    in.args.out = get_output<T>(context, 0, in.out_shape);
    tabulation_.run(context, in, tabulation_.kernels().forward);
    if (int64_t* counts = get_optional_output<int64_t>(context, 1, {2})) {
      const int64_t evaluation =
          read_evaluation(context, this->inputs.data(), this->inputs.size() - 1);
      overflow_.check(context, tabulation_.grid(), in.args.em_x, in.total, evaluation, counts);
    }
  }

 private:
  Tabulation<T, K> tabulation_;
  OverflowCheck overflow_;
};

template <class T, TableKind K>
class TabulateFusionGrad : public TabulateFusionGradPorts<T, K> {
 public:
  explicit TabulateFusionGrad(Ort::ConstKernelInfo info) : tabulation_(info) {}

  void run(Ort::KernelContext& context) {
    Entries<T> in = tabulation_.read(context, this->inputs.data(), this->inputs.size());
    read_gradient<K>(context, this->inputs.data(), in);
    tabulation_.run(context, in, tabulation_.kernels().gradient);
  }

 private:
  Tabulation<T, K> tabulation_;
};

}  // namespace

void add_tabulate_ops(Ort::CustomOpDomain& domain) {
  for_each_tabulation([&](auto types) {
    using Of = decltype(types);
    add_op<TabulateFusion<typename Of::T, Of::kind>>(domain);
    add_op<TabulateFusionGrad<typename Of::T, Of::kind>>(domain);
  });
}

}  // namespace dponnx

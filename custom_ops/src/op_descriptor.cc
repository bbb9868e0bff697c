// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <mutex>
#include <utility>

#include "batches.h"
#include "descriptor_node.h"
#include "neighbors.h"
#include "ops.h"
#include "overflow.h"

namespace dponnx {

namespace {

constexpr Port kEvaluation = {"evaluation", element_type<int64_t>, true};

/// What one task works with: the neighbours of an atom at a time, and the memory for them.
template <class E, class T>
class Worker {
 public:
  Worker(const DescriptorNode<E, T>& node, const DescriptorArgs<E, T>& args)
      : placer_(args),
        slots_(args.sec[args.ntypes]),
        rows_(kRows * stride(args)),
        places_(4 * stride(args)),
        located_(slots_.size() + args.ntypes),
        entries_(node.kind() == Descriptor::se_a ? located_.size() : 0),
        next_(entries_.size()),
        groups_(entries_.size()),
        dy_(4 * args.tables[0].row_size / 6),
        overflow_(2 * node.n_tables()) {
    scratch_.slots = slots_.data();
    E* at = rows_.data();
    const auto take = [&](int count) { return std::exchange(at, at + count * stride(args)); };
    scratch_.rows = {take(3), take(4), take(12), take(4), take(3), stride(args)};
    share_of_row_.resize(node.n_rows(), -1);
    if (node.kind() == Descriptor::se_t) {
      const int64_t n = slots_.size();
      shares_.resize(std::min(node.n_rows(), n * n));
    }
    scratch_.groups = {entries_.data(), next_.data(), groups_.data(), share_of_row_.data()};
    scratch_.places = places_.data();
    scratch_.tabulate = {located_.data(), dy_.data(), shares_.data(), share_of_row_.data()};
  }

  /// Finds the neighbours of atom i. The result is valid until the next call.
  const DescriptorScratch<E, T>& at(int64_t i) {
    placer_.place(kernels().of<E>(), i, slots_.data());
    scratch_.filled = placer_.filled().data();
    return scratch_;
  }

  /// From now on inputs are counted.
  void count_overflow() { scratch_.overflow = overflow_.data(); }
  const std::vector<int64_t>& overflow() const { return overflow_; }
  const std::vector<int>& most() const { return placer_.most(); }

 private:
  static constexpr int kRows = 3 + 4 + 12 + 4 + 3;
  /// Room for all slots, and for the lanes of a last vector.
  static int64_t stride(const DescriptorArgs<E, T>& args) { return args.sec[args.ntypes] + 16; }

  Placer<E> placer_;
  std::vector<int32_t> slots_;
  std::vector<E> rows_;
  std::vector<T> places_;
  std::vector<Located<T>> located_;
  std::vector<Located<T>> entries_;
  std::vector<int> next_;
  std::vector<RowGroup> groups_;
  std::vector<T> dy_;
  std::vector<RowShare<T>> shares_;
  std::vector<int32_t> share_of_row_;
  std::vector<int64_t> overflow_;
  DescriptorScratch<E, T> scratch_{};
};

template <class E, class T, Descriptor K>
class DescriptorSum {
 public:
  static constexpr const char* name = K == Descriptor::se_a   ? "DescriptorSeA"
                                      : K == Descriptor::se_t ? "DescriptorSeT"
                                                              : "DescriptorSeR";
  static constexpr auto inputs = descriptor_ports<E, T>(std::array{kEvaluation});
  static constexpr Port outputs[] = {{"descriptor", element_type<T>},
                                     {"table_overflow", element_type<int64_t>, true},
                                     {"sel_overflow", element_type<int64_t>, true}};

  explicit DescriptorSum(Ort::ConstKernelInfo info)
      : node_(info, K), schedule_(node_.frequency()), counts_(2 * node_.n_tables()) {}

  void run(Ort::KernelContext& context) {
    const Frame<E> frame = node_.frame(context, inputs.data());
    const int64_t nloc = frame.nloc;
    DescriptorArgs<E, T> args = node_.args(frame);
    args.out = get_output<T>(context, 0, node_.shape(nloc));
    int64_t* overflow = get_optional_output<int64_t>(context, 1, {node_.n_tables(), 2});
    int64_t* above = get_optional_output<int64_t>(context, 2, {args.ntypes});
    if (above) std::fill_n(above, args.ntypes, 0);
    const int64_t evaluation = read_evaluation(context, inputs.data(), inputs.size() - 1);
    const bool due = overflow && is_due(evaluation);
    std::vector<int64_t> counts(counts_.size());
    std::mutex lock;
    constexpr int64_t kChunk = 32;  // atoms a task: about 200 us of work
    parallel_for(context, (nloc + kChunk - 1) / kChunk, [&](int64_t chunk) {
      Worker<E, T> worker(node_, args);
      if (due) worker.count_overflow();
      for (int64_t i = chunk * kChunk; i < std::min(nloc, (chunk + 1) * kChunk); ++i) {
        node_.kernels().forward(args, i, worker.at(i));
      }
      const std::lock_guard<std::mutex> guard(lock);
      for (size_t k = 0; due && k < counts.size(); ++k) counts[k] += worker.overflow()[k];
      for (int t = 0; above && t < args.ntypes; ++t) {
        const int64_t more = worker.most()[t] - (args.sec[t + 1] - args.sec[t]);
        above[t] = std::max(above[t], more);
      }
    });
    const std::lock_guard<std::mutex> guard(counts_lock_);
    if (due) counts_ = counts;
    if (overflow && !due && evaluation >= 0) {
      std::fill_n(overflow, counts_.size(), -1);
    } else if (overflow) {
      std::copy(counts_.begin(), counts_.end(), overflow);
    }
  }

 private:
  bool is_due(int64_t evaluation) {
    const std::lock_guard<std::mutex> guard(counts_lock_);
    return schedule_.is_due(evaluation);
  }

  DescriptorNode<E, T> node_;
  std::mutex counts_lock_;
  Schedule schedule_;
  std::vector<int64_t> counts_;  ///< of the last check
};

template <class E, class T, Descriptor K>
class DescriptorGrad {
 public:
  static constexpr const char* name = K == Descriptor::se_a   ? "DescriptorSeAGrad"
                                      : K == Descriptor::se_t ? "DescriptorSeTGrad"
                                                              : "DescriptorSeRGrad";
  static constexpr auto inputs = descriptor_ports<E, T>(
      std::array{Port{"dy", element_type<T>}, Port{"want_atom_virial", element_type<bool>, true}});
  static constexpr Port outputs[] = {
      {"force", element_type<E>}, {"virial", element_type<E>}, {"atom_virial", element_type<E>}};

  explicit DescriptorGrad(Ort::ConstKernelInfo info) : node_(info, K) {}

  void run(Ort::KernelContext& context) {
    const Frame<E> frame = node_.frame(context, inputs.data());
    const int64_t nloc = frame.nloc, nall = frame.nall;
    DescriptorArgs<E, T> args = node_.args(frame);
    constexpr size_t want_at = inputs.size() - 1;
    args.dy = get_input<T>(context, inputs.data(), want_at - 1, node_.shape(nloc)).data;
    bool per_atom = true;
    if (context.GetInputCount() > want_at && context.GetInput(want_at)) {
      per_atom = *get_input<bool>(context, inputs.data(), want_at, {1}).data;
    }
    const int64_t n_out = per_atom ? nall : 0;
    const Batches batches(nloc, 32, 8);  // 32 atoms: about 300 us of work
    BatchArrays<E> force(batches, get_output<E>(context, 0, {nall, 3}), 3 * nall);
    BatchArrays<E> virial(batches, get_output<E>(context, 1, {9}), 9);
    BatchArrays<E> atom_virial(batches, get_output<E>(context, 2, {n_out, 9}), 9 * n_out);
    parallel_for(context, batches.count(), [&](int64_t b) {
      E* per_atom_sums = atom_virial.zeros(b);
      const PairSums<E> sums = {force.zeros(b), virial.zeros(b),
                                per_atom ? per_atom_sums : nullptr};
      Worker<E, T> worker(node_, args);
      for (int64_t i = batches.begin(b); i < batches.begin(b + 1); ++i) {
        node_.kernels().gradient(args, i, worker.at(i), sums);
      }
    });
    for (const BatchArrays<E>* arrays : {&force, &virial, &atom_virial}) arrays->sum(context);
  }

 private:
  DescriptorNode<E, T> node_;
};

template <class E, class T, Descriptor K>
void add(Ort::CustomOpDomain& domain) {
  add_op<DescriptorSum<E, T, K>>(domain);
  add_op<DescriptorGrad<E, T, K>>(domain);
}

template <Descriptor K>
void add_all(Ort::CustomOpDomain& domain) {
  add<float, float, K>(domain);
  add<double, double, K>(domain);
  add<double, float, K>(domain);
}

}  // namespace

void add_descriptor_ops(Ort::CustomOpDomain& domain) {
  add_all<Descriptor::se_a>(domain);
  add_all<Descriptor::se_r>(domain);
  add_all<Descriptor::se_t>(domain);
}

}  // namespace dponnx

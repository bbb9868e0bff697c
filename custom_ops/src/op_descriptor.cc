// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <mutex>

#include "batches.h"
#include "descriptor_node.h"
#include "descriptor_worker.h"
#include "ops.h"
#include "overflow.h"

namespace dponnx {

namespace {

template <class E, class T, Descriptor K>
class DescriptorSum : public DescriptorSumPorts<E, T, K> {
 public:
  using DescriptorSumPorts<E, T, K>::inputs;

  explicit DescriptorSum(Ort::ConstKernelInfo info)
      : node_(info, K), kept_(node_.constants().frequency, 2 * node_.constants().n_tables()) {}

  void run(Ort::KernelContext& context) {
    const Frame<E> frame = node_.frame(context, inputs.data());
    const int64_t nloc = frame.nloc;
    DescriptorArgs<E, T> args = node_.args(frame);
    args.out = get_output<T>(context, 0, node_.constants().shape(nloc));
    int64_t* overflow = get_optional_output<int64_t>(context, 1, {node_.constants().n_tables(), 2});
    int64_t* above = get_optional_output<int64_t>(context, 2, {args.ntypes});
    if (above) std::fill_n(above, args.ntypes, 0);
    const int64_t evaluation = read_evaluation(context, inputs.data(), inputs.size() - 1);
    const bool due = overflow && kept_.is_due(evaluation);
    std::vector<int64_t> counts(2 * node_.constants().n_tables());
    std::mutex lock;
    constexpr int64_t kChunk = 32;  // atoms a task: about 200 us of work
    parallel_for(context, (nloc + kChunk - 1) / kChunk, [&](int64_t chunk) {
      DescriptorWorker<E, T> worker(args, K, node_.constants().n_rows);
      if (due) worker.count_overflow(counts.size());
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
    if (overflow) kept_.give(due, counts.data(), evaluation, overflow);
  }

 private:
  DescriptorNode<E, T> node_;
  KeptCounts kept_;
};

template <class E, class T, Descriptor K>
class DescriptorGrad : public DescriptorGradPorts<E, T, K> {
 public:
  using Ports = DescriptorGradPorts<E, T, K>;
  using Ports::inputs;

  explicit DescriptorGrad(Ort::ConstKernelInfo info) : node_(info, K) {}

  void run(Ort::KernelContext& context) {
    const Frame<E> frame = node_.frame(context, inputs.data());
    const int64_t nloc = frame.nloc, nall = frame.nall;
    DescriptorArgs<E, T> args = node_.args(frame);
    const std::vector<int64_t> shape = node_.constants().shape(nloc);
    args.dy = get_input<T>(context, inputs.data(), Ports::dy_at, shape).data;
    const bool per_atom = Ports::wants_atom_virial(context);
    const int64_t n_out = per_atom ? nall : 0;
    const Batches batches(nloc, 32, 8);  // 32 atoms: about 300 us of work
    BatchArrays<E> force(batches, get_output<E>(context, 0, {nall, 3}), 3 * nall);
    BatchArrays<E> virial(batches, get_output<E>(context, 1, {9}), 9);
    BatchArrays<E> atom_virial(batches, get_output<E>(context, 2, {n_out, 9}), 9 * n_out);
    parallel_for(context, batches.count(), [&](int64_t b) {
      E* per_atom_sums = atom_virial.zeros(b);
      const PairSums<E> sums = {force.zeros(b), virial.zeros(b),
                                per_atom ? per_atom_sums : nullptr};
      DescriptorWorker<E, T> worker(args, K, node_.constants().n_rows);
      for (int64_t i = batches.begin(b); i < batches.begin(b + 1); ++i) {
        node_.kernels().gradient(args, i, worker.at(i), sums);
      }
    });
    for (const BatchArrays<E>* arrays : {&force, &virial, &atom_virial}) arrays->sum(context);
  }

 private:
  DescriptorNode<E, T> node_;
};

}  // namespace

void add_descriptor_ops(Ort::CustomOpDomain& domain) {
  for_each_descriptor([&](auto types) {
    using D = decltype(types);
    add_op<DescriptorSum<typename D::E, typename D::T, D::kind>>(domain);
    add_op<DescriptorGrad<typename D::E, typename D::T, D::kind>>(domain);
  });
}

}  // namespace dponnx

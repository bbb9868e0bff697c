// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "contract_node.h"
#include "dispatch.h"
#include "ops.h"

namespace dponnx {

namespace {

template <class T>
void run_tasks(const Ort::KernelContext& context, ContractArgs<T> args, int64_t n,
               typename ContractKernels<T>::Function* kernel) {
  constexpr int64_t kChunk = 16;  // atoms a task: about 12 us of work
  constexpr int kMostLanes = 16;
  args.stride = args.width + 2 * kMostLanes;
  parallel_for(context, (n + kChunk - 1) / kChunk, [&](int64_t chunk) {
    std::vector<T> scratch((4 + args.axis) * args.stride);
    kernel(args, chunk * kChunk, std::min(n, (chunk + 1) * kChunk), scratch.data());
  });
}

template <class T>
class ContractSeA : public Contraction<T> {
 public:
  using Contraction<T>::Contraction;

  void run(Ort::KernelContext& context) {
    int64_t n;
    const ContractArgs<T> args = this->read(context, n);
    run_tasks(context, args, n, kernels().of<T>().contract.forward);
  }
};

template <class T>
class ContractSeAGrad : public ContractionGrad<T> {
 public:
  using ContractionGrad<T>::ContractionGrad;

  void run(Ort::KernelContext& context) {
    int64_t n;
    const ContractArgs<T> args = this->read(context, n);
    run_tasks(context, args, n, kernels().of<T>().contract.gradient);
  }
};

}  // namespace

void add_contract_ops(Ort::CustomOpDomain& domain) {
  add_op<ContractSeA<float>>(domain);
  add_op<ContractSeA<double>>(domain);
  add_op<ContractSeAGrad<float>>(domain);
  add_op<ContractSeAGrad<double>>(domain);
}

}  // namespace dponnx

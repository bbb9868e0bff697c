// SPDX-License-Identifier: LGPL-3.0-or-later
#include "contract.h"
#include "contract_node.h"
#include "cuda_ops.h"

namespace dponnx::cuda {

namespace {

template <class T>
class ContractSeA : public Contraction<T> {
 public:
  static bool on_host(size_t) { return false; }
  using Contraction<T>::Contraction;

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    int64_t n;
    const ContractArgs<T> args = this->read(context, n);
    contract(args, n, stream);
  }
};

template <class T>
class ContractSeAGrad : public ContractionGrad<T> {
 public:
  static bool on_host(size_t) { return false; }
  using ContractionGrad<T>::ContractionGrad;

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    int64_t n;
    const ContractArgs<T> args = this->read(context, n);
    contract_gradient(args, n, stream);
  }
};

}  // namespace

void add_contract_ops(Ort::CustomOpDomain& domain) {
  add_cuda_op<ContractSeA<float>>(domain);
  add_cuda_op<ContractSeA<double>>(domain);
  add_cuda_op<ContractSeAGrad<float>>(domain);
  add_cuda_op<ContractSeAGrad<double>>(domain);
}

}  // namespace dponnx::cuda

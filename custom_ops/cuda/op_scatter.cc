// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "scatter.h"
#include "scatter_node.h"

namespace dponnx::cuda {

namespace {

template <class T, int C>
class ProdForce : public ProdForcePorts<T, C> {
 public:
  static bool on_host(size_t input) { return input == 3; }  // natoms

  explicit ProdForce(Ort::ConstKernelInfo info) : nnei_(read_nnei<C>(info)) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    const ScatterInputs<T, C> in(context, this->inputs, false, nnei_);
    T* force = get_output<T>(context, 0, {in.nall, 3});
    scatter_force<C>(in.args, in.nloc, in.nall, force, stream);
  }

 private:
  int64_t nnei_;
};

template <class T, int C>
class ProdVirial : public ProdVirialPorts<T, C> {
 public:
  static bool on_host(size_t input) { return input >= 4; }  // natoms, want_atom_virial

  explicit ProdVirial(Ort::ConstKernelInfo info) : nnei_(read_nnei<C>(info)) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    const ScatterInputs<T, C> in(context, this->inputs, true, nnei_);
    T* virial = get_output<T>(context, 0, {9});
    T* atom_virial = get_output<T>(context, 1, {in.want_atom_virial ? in.nall : 0, 9});
    scatter_virial<C>(in.args, in.nloc, in.nall, virial,
                      in.want_atom_virial ? atom_virial : nullptr, stream);
  }

 private:
  int64_t nnei_;
};

}  // namespace

void add_scatter_ops(Ort::CustomOpDomain& domain) {
  add_cuda_op<ProdForce<float, 4>>(domain);
  add_cuda_op<ProdForce<double, 4>>(domain);
  add_cuda_op<ProdForce<float, 1>>(domain);
  add_cuda_op<ProdForce<double, 1>>(domain);
  add_cuda_op<ProdVirial<float, 4>>(domain);
  add_cuda_op<ProdVirial<double, 4>>(domain);
  add_cuda_op<ProdVirial<float, 1>>(domain);
  add_cuda_op<ProdVirial<double, 1>>(domain);
}

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "env_mat_node.h"
#include "environment.h"

namespace dponnx::cuda {

namespace {

template <class T, int C, bool Mixed>
class ProdEnvMat : public ProdEnvMatPorts<T, C, Mixed> {
 public:
  static bool on_host(size_t input) { return input == 2; }  // natoms

  explicit ProdEnvMat(Ort::ConstKernelInfo info) : node_(info), sec_(node_.sections()) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    const EnvMatCall<T> call = node_.read(context, this->inputs);
    EnvironmentArgs<T> args{};
    static_cast<EnvMatArgs<T>&>(args) = call.args;
    args.sec = sec_.data();
    args.std = call.dstd.data;
    args.nloc = call.frame.nloc;
    args.nall = call.frame.nall;
    args.n_types = static_cast<int>(call.frame.ntypes);
    args.mixed = Mixed;
    args.nnei = node_.sections().back();
    args.ntype = call.ntype;
    args.nmask = call.nmask;
    args.sel_overflow = call.overflow;
    fill_environment<C>(args, stream);
  }

 private:
  EnvMatNode<T, C, Mixed> node_;
  DeviceArray<int> sec_;
};

}  // namespace

void add_env_mat_ops(Ort::CustomOpDomain& domain) {
  add_cuda_op<ProdEnvMat<float, 4, false>>(domain);
  add_cuda_op<ProdEnvMat<double, 4, false>>(domain);
  add_cuda_op<ProdEnvMat<float, 1, false>>(domain);
  add_cuda_op<ProdEnvMat<double, 1, false>>(domain);
  add_cuda_op<ProdEnvMat<float, 4, true>>(domain);
  add_cuda_op<ProdEnvMat<double, 4, true>>(domain);
}

}  // namespace dponnx::cuda

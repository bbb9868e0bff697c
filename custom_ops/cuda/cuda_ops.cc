// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"

#include "ops.h"

namespace dponnx {

/// What libdponnx_ops_cuda.so has: the operators of both providers. Emulated, those of the CUDA
/// provider stand in for the CPU's, which has only those that are of the CPU everywhere.
void add_ops(Ort::CustomOpDomain& domain) {
#ifdef DPONNX_CUDA_EMULATED
  add_sizes_ops(domain);
#else
  add_cpu_ops(domain);
#endif
  cuda::add_elementwise_ops(domain);
  cuda::add_layer_ops(domain);
  cuda::add_contract_ops(domain);
  cuda::add_descriptor_ops(domain);
  cuda::add_env_mat_ops(domain);
  cuda::add_scatter_ops(domain);
  cuda::add_tabulate_ops(domain);
}

}  // namespace dponnx

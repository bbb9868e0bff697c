// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "ort.h"
#include "report.h"

/// Operators of the CUDA execution provider.
namespace dponnx::cuda {

/// The stream of the node's execution.
inline cudaStream_t stream_of(const Ort::KernelContext& context) {
#ifdef DPONNX_CUDA_EMULATED
  (void)context;
  return nullptr;
#else
  return static_cast<cudaStream_t>(context.GetGPUComputeStream());
#endif
}

/// An operator from its kernel class: as dponnx::Op, and static bool on_host(size_t input) tells
/// the inputs that stay in memory of the host: constants the constructor reads (it copies what it
/// needs to the device itself), natoms, evaluation, want_atom_virial. run(context, stream) only
/// starts work; outputs are on the device.
template <class Kernel>
struct CudaOpKernel {
  CudaOpKernel(const OrtApi& api, const OrtKernelInfo* info)
      : api(api), kernel(Ort::ConstKernelInfo(info)) {}
  OrtStatusPtr ComputeV2(OrtKernelContext* raw) {
    return guard(api, Kernel::name, [&] {
      check_report();  // what an earlier node's kernels found
      Ort::KernelContext context(raw);
      kernel.run(context, stream_of(context));
#ifdef DPONNX_CUDA_EMULATED
      check_report();
#endif
    });
  }
  const OrtApi& api;
  Kernel kernel;
};

template <class Kernel>
struct CudaOp : OpBase<CudaOp<Kernel>, CudaOpKernel<Kernel>, Kernel> {
#ifndef DPONNX_CUDA_EMULATED
  const char* GetExecutionProviderType() const { return "CUDAExecutionProvider"; }
  OrtMemType GetInputMemoryType(size_t i) const {
    return Kernel::on_host(i) ? OrtMemTypeCPUInput : OrtMemTypeDefault;
  }
#endif
};

/// The operator object lives as long as the process: sessions keep pointers to it.
template <class Kernel>
void add_cuda_op(Ort::CustomOpDomain& domain) {
  static CudaOp<Kernel> op;
  domain.Add(&op);
}

}  // namespace dponnx::cuda

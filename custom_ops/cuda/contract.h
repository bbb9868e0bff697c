// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "descriptor.h"
#include "device.h"

/// The contraction D of se_e2_a on the device: the numbers of src/contract_body.h.
namespace dponnx::cuda {

/// Writes args.d [n, size] from args.t; args.stride is not used.
template <class T>
void contract(const ContractArgs<T>& args, int64_t n, cudaStream_t stream);

/// Writes args.dt from args.t and args.dd.
template <class T>
void contract_gradient(const ContractArgs<T>& args, int64_t n, cudaStream_t stream);

}  // namespace dponnx::cuda

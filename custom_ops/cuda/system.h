// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "runtime_api.h"

/// An engine's rows as a model's block, and back. Arguments: see runtime_api.h.
namespace dponnx::cuda {

void gather(const double* from, const int32_t* rows, int64_t n, int32_t columns, double* to,
            cudaStream_t stream);
void scatter(const double* from, const int32_t* rows, int64_t n, int32_t columns, double* to,
             cudaStream_t stream);
void add(const double* from, int64_t n, double* to, cudaStream_t stream);
void fold(const double* from, const int32_t* first, const int32_t* owner, int64_t n,
          int32_t columns, double* to, cudaStream_t stream);

/// 1. at[atoms[p]] = p, -1 for other rows;
/// 2. a warp an atom: rows that its neighbours need besides are marked in `place`, and counted;
/// 3. a scan of the marks gives each of them its place behind the atoms.
void block_sizes(const dponnx_cuda_list& list, const dponnx_cuda_block& block, cudaStream_t stream);

/// 4. rows and types in that order; 5. a warp an atom: its neighbours as block rows, real ones
/// first, then -1.
void block_fill(const dponnx_cuda_list& list, const dponnx_cuda_block& block, int32_t* rows,
                int32_t* atype, int32_t* nlist, int64_t nnei, cudaStream_t stream);

}  // namespace dponnx::cuda

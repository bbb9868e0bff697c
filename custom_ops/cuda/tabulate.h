// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "kernel_args.h"

/// Tabulation of the plain graph; all pointers on the device, tables laid as device_table.h does.
/// What each computes: TabulateArgs and custom_ops/README.md.
namespace dponnx::cuda {

/// se_e2_a and, Gated, se_atten: out of n atoms. An index of a gate outside 0..n_gates-1 is
/// reported (report.h) and its neighbour left out.
template <bool Gated, class T>
void tabulate(const TabulateArgs<T>& args, int64_t n, int64_t n_gates, cudaStream_t stream);

/// dem_x, dem and, unless null, dscale.
template <bool Gated, class T>
void tabulate_grad(const TabulateArgs<T>& args, int64_t n, int64_t n_gates, cudaStream_t stream);

/// se_e3.
template <class T>
void tabulate_pairs(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream);
template <class T>
void tabulate_pairs_grad(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream);

/// se_e2_r: n neighbours.
template <class T>
void tabulate_each(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream);
template <class T>
void tabulate_each_grad(const TabulateArgs<T>& args, int64_t n, cudaStream_t stream);

/// counts [2]: how many of x [n] lie in the coarse sub-tables, and outside all.
template <class T>
void count_overflow(const TableGrid<T>& grid, const T* x, int64_t n, int64_t* counts,
                    cudaStream_t stream);

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "kernel_args.h"

/// Layers of the fitting net on the device: cuBLAS for the product, a kernel for the rest.
namespace dponnx::cuda {

/// y and slope of n rows. args.w.data is the matrix [depth, columns], row after row.
template <class T>
void layer(const LayerArgs<T>& args, int64_t n, cudaStream_t stream);

/// dx of n rows. args.w.data is the layer's matrix [columns, depth], as the layer has it.
template <class T>
void layer_gradient(const LayerGradArgs<T>& args, int64_t n, cudaStream_t stream);

}  // namespace dponnx::cuda

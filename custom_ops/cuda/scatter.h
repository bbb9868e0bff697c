// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "kernel_args.h"

/// Forces and virials from dE/d(environment matrix of C columns); all pointers on the device.
namespace dponnx::cuda {

/// force [nall, 3]. A neighbour outside -1..nall-1 is reported (report.h) and left out.
template <int C, class T>
void scatter_force(const ScatterArgs<T>& args, int64_t nloc, int64_t nall, T* force,
                   cudaStream_t stream);

/// virial [9]; atom_virial [nall, 9] or null.
template <int C, class T>
void scatter_virial(const ScatterArgs<T>& args, int64_t nloc, int64_t nall, T* virial,
                    T* atom_virial, cudaStream_t stream);

}  // namespace dponnx::cuda

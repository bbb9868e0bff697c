// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "kernel_args.h"

/// The environment matrix of the plain graph.
namespace dponnx::cuda {

/// What ProdEnvMat* compute; all pointers on the device, sec too. center is not used.
template <class T>
struct EnvironmentArgs : EnvMatArgs<T> {  ///< inv_std: see below
  const T* std;                           ///< [n_types, C nnei]
  int64_t nloc, nall;
  int n_types;  ///< of atoms; ntypes of ListArgs counts groups of slots
  bool mixed;   ///< neighbours of all types share the one group
  int nnei;
  int32_t* ntype;         ///< [nloc, nnei] type of the neighbour, n_types if none; or null
  bool* nmask;            ///< [nloc, nnei] whether there is one; null if ntype is
  int64_t* sel_overflow;  ///< [n_types] or null
};

/// Places neighbours (neighbors.h, which also checks nlist and atype) and fills all outputs of C
/// columns. args.inv_std is set here, from args.std.
template <int C, class T>
void fill_environment(EnvironmentArgs<T> args, cudaStream_t stream);

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "ort.h"

namespace dponnx {

/// Adds what a library has: that of cpu_ops.cc, or of cuda/cuda_ops.cc.
void add_ops(Ort::CustomOpDomain& domain);

/// Each adds the operators of its file, for float and double where there is a choice.
void add_env_mat_ops(Ort::CustomOpDomain& domain);
void add_scatter_ops(Ort::CustomOpDomain& domain);
void add_sizes_ops(Ort::CustomOpDomain& domain);
void add_tabulate_ops(Ort::CustomOpDomain& domain);
void add_activation_ops(Ort::CustomOpDomain& domain);
void add_layer_ops(Ort::CustomOpDomain& domain);
void add_contract_ops(Ort::CustomOpDomain& domain);
void add_descriptor_ops(Ort::CustomOpDomain& domain);

inline void add_cpu_ops(Ort::CustomOpDomain& domain) {
  add_env_mat_ops(domain);
  add_scatter_ops(domain);
  add_sizes_ops(domain);
  add_tabulate_ops(domain);
  add_activation_ops(domain);
  add_descriptor_ops(domain);
  add_contract_ops(domain);
  add_layer_ops(domain);
}

/// The operator object lives as long as the process: sessions keep pointers to it.
template <class Kernel>
void add_op(Ort::CustomOpDomain& domain) {
  static Op<Kernel> op;
  domain.Add(&op);
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "ort.h"

namespace dponnx {

/// Each adds the operators of its file, for float and double.
void add_env_mat_ops(Ort::CustomOpDomain& domain);
void add_scatter_ops(Ort::CustomOpDomain& domain);
void add_tabulate_ops(Ort::CustomOpDomain& domain);
void add_activation_ops(Ort::CustomOpDomain& domain);
void add_layer_ops(Ort::CustomOpDomain& domain);
void add_contract_ops(Ort::CustomOpDomain& domain);
void add_descriptor_ops(Ort::CustomOpDomain& domain);

/// The operator object lives as long as the process: sessions keep pointers to it.
template <class Kernel>
void add_op(Ort::CustomOpDomain& domain) {
  static Op<Kernel> op;
  domain.Add(&op);
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "cuda_op.h"

namespace dponnx::cuda {

/// Each adds the operators of its file.
void add_elementwise_ops(Ort::CustomOpDomain& domain);
void add_layer_ops(Ort::CustomOpDomain& domain);
void add_contract_ops(Ort::CustomOpDomain& domain);
void add_descriptor_ops(Ort::CustomOpDomain& domain);
void add_env_mat_ops(Ort::CustomOpDomain& domain);
void add_scatter_ops(Ort::CustomOpDomain& domain);
void add_tabulate_ops(Ort::CustomOpDomain& domain);

}  // namespace dponnx::cuda

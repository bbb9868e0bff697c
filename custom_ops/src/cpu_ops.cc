// SPDX-License-Identifier: LGPL-3.0-or-later
#include "ops.h"

namespace dponnx {

/// What libdponnx_ops.so has.
void add_ops(Ort::CustomOpDomain& domain) { add_cpu_ops(domain); }

}  // namespace dponnx

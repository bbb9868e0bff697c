// SPDX-License-Identifier: LGPL-3.0-or-later
// One lane, the compiler's default flags: runs everywhere.
#define DPONNX_ISA isa_scalar
#define DPONNX_ISA_NAME "scalar"
#define DPONNX_VECTOR_BYTES 0
#define DPONNX_BLOCK 4
#include "kernels_body.h"

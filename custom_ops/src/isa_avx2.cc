// SPDX-License-Identifier: LGPL-3.0-or-later
// 16 registers of 32 bytes: 4 x 2 accumulators.
#define DPONNX_ISA isa_avx2
#define DPONNX_ISA_NAME "avx2"
#define DPONNX_VECTOR_BYTES 32
#define DPONNX_BLOCK 2
#include "kernels_body.h"

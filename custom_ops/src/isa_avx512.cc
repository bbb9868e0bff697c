// SPDX-License-Identifier: LGPL-3.0-or-later
// 32 registers of 64 bytes: 4 x 4 accumulators.
#define DPONNX_ISA isa_avx512
#define DPONNX_ISA_NAME "avx512"
#define DPONNX_VECTOR_BYTES 64
#define DPONNX_BLOCK 4
#include "kernels_body.h"

// SPDX-License-Identifier: LGPL-3.0-or-later
// The 64-byte body compiled for AVX2, so that machines without AVX-512 can test it.
#define DPONNX_ISA isa_avx512_emulated
#define DPONNX_ISA_NAME "avx512_emulated"
#define DPONNX_VECTOR_BYTES 64
#define DPONNX_BLOCK 4
#include "kernels_body.h"

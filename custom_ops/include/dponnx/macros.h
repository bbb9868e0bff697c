// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

/// DPONNX_HD marks a formula that runs on host and device.
/// Always inlined: each ISA file compiles its own copy with its own flags, and the linker must
/// never replace a baseline copy by one with wider instructions.
#if defined(__CUDACC__)
#define DPONNX_HD __host__ __device__ __forceinline__
#else
#define DPONNX_HD inline __attribute__((always_inline))
#endif

#define DPONNX_RESTRICT __restrict__

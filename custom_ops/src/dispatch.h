// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "kernels.h"

namespace dponnx {

/// The kernels of this process: the widest this machine runs, or what DPONNX_ISA names
/// (scalar, avx2, avx512, avx512_emulated). Chosen once; throws Error if that path is unknown or
/// this machine cannot run it.
const Kernels& kernels();

}  // namespace dponnx

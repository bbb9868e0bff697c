// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <string>

/// The shared libraries that libdponnx opens at run time: none of them is linked.
namespace dponnx {

/// ONNX Runtime, opened once a process, its API in place. wanted: the library's path, or null to
/// look in DPONNX_ORT_LIBRARY, in the Python package beside ours, and where the system's loader
/// looks. The first one opened serves every later call. Throws Error, unsupported_machine.
void load_onnxruntime(const char* wanted);

/// Path of our operator library: DPONNX_OPERATORS, or where the package or the build has it.
std::string operator_library();

/// Functions of libvesin, which finds pairs of neighbours: from DPONNX_VESIN_LIBRARY, the Python
/// package beside ours, or the system's loader. Throws Error, unsupported_machine.
void* vesin_symbol(const char* name);

}  // namespace dponnx

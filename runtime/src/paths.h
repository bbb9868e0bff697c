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

/// Path of the library that has the operators for CUDA, too: DPONNX_CUDA_OPERATORS, or where the
/// package or the build has it. Throws Error, unsupported_machine.
std::string cuda_operator_library();

/// The operators a session on a CUDA device takes: DPONNX_OPERATORS, or those beside the device's
/// own functions.
std::string cuda_session_operators(const std::string& library);

/// Opens NVIDIA's libraries in the Python packages beside ours, where there are any: ONNX Runtime's
/// CUDA provider then finds them. Once a process.
void load_nvidia_libraries();

/// Functions of libvesin, which finds pairs of neighbours: from DPONNX_VESIN_LIBRARY, the Python
/// package beside ours, or the system's loader. Throws Error, unsupported_machine.
void* vesin_symbol(const char* name);

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "about.h"
#include "cuda_device.h"
#include "ort.h"

namespace dponnx {

/// A model's file, or its bytes.
struct Source {
  std::string name;            ///< path, or what messages call it
  const void* data = nullptr;  ///< null: read the file `name`
  size_t size = 0;
};

/// One model in ONNX Runtime.
class Session {
 public:
  /// On the CPU, or on options.cuda_device.
  /// Throws Error: invalid_model (no such file, not one of ours, refused by ONNX Runtime),
  /// unsupported_machine (no ONNX Runtime, no operators, no such device).
  Session(const Source& source, const dponnx_options& options);

  const About& about() const { return about_; }
  /// The CUDA device the model runs on; null: the CPU.
  const CudaDevice* cuda() const { return cuda_.get(); }
  /// The memory of that device, for tensors.
  const Ort::MemoryInfo& memory() const { return *memory_; }
  bool has_input(const char* name) const;
  bool has_output(const char* name) const;

  /// The outputs named, in their order. Throws Error where ONNX Runtime fails.
  std::vector<Ort::Value> run(const std::vector<const char*>& in,
                              const std::vector<Ort::Value>& values,
                              const std::vector<const char*>& out);

  /// Inputs and outputs of one run, bound to memory.
  Ort::IoBinding binding() { return Ort::IoBinding(*session_); }
  /// Runs them: on a CUDA device in its stream, not waiting for the end unless asked to.
  void run(const Ort::IoBinding& binding, bool wait);

 private:
  std::unique_ptr<CudaDevice> cuda_;
  std::optional<Ort::MemoryInfo> memory_;  ///< once ONNX Runtime is loaded
  About about_;
  std::unique_ptr<Ort::Session> session_;
  std::vector<std::string> inputs_, outputs_;
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "session.h"

#include <sys/stat.h>

#include <algorithm>
#include <iterator>

#include "paths.h"

namespace dponnx {

namespace {

/// ONNX Runtime's environment: one a process, never destroyed (sessions may outlive our statics).
Ort::Env& environment() {
  static Ort::Env& env = *new Ort::Env(ORT_LOGGING_LEVEL_FATAL, "dponnx");
  return env;
}

/// A message in one line.
std::string one_line(const std::string& text) {
  std::string line;
  for (char c : text.substr(0, 400)) {
    const bool blank = c == '\n' || c == '\t' || c == ' ';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  return line;
}

void check_file(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) != 0) {
    fail(Code::invalid_model, path, ": no such file; expected a model written by dponnx compress");
  }
  if (!S_ISREG(found.st_mode)) {
    fail(Code::invalid_model, path, ": is no file; expected a model file (.onnx)");
  }
  if (found.st_size == 0) {
    fail(Code::invalid_model, path, ": is empty; expected an ONNX model written by dponnx");
  }
  if (path.size() > 3 && path.substr(path.size() - 3) == ".pb") {
    fail(Code::invalid_model, path,
         ": is a TensorFlow graph; expected .onnx. Convert it first: ", "dponnx convert -i ", path);
  }
}

/// The device asked for, or null for the CPU.
std::unique_ptr<CudaDevice> open_device(const dponnx_options& options) {
  if (options.cuda_device <= 0) return nullptr;
  const int number = options.cuda_device - 1;
  const std::vector<std::string> providers = Ort::GetAvailableProviders();
  const bool able =
      std::find(providers.begin(), providers.end(), "CUDAExecutionProvider") != providers.end();
  if (!able && !cuda_is_emulated()) {
    fail(Code::unsupported_machine, "CUDA device ", number, ": this ONNX Runtime is built without ",
         "CUDA; install onnxruntime-gpu in place of onnxruntime: pip uninstall onnxruntime, then ",
         "pip install 'dponnx[gpu]'");
  }
  return std::make_unique<CudaDevice>(number);
}

void add_cuda(Ort::SessionOptions& options, const CudaDevice& device) {
  load_nvidia_libraries();
  const OrtApi& api = Ort::GetApi();
  OrtCUDAProviderOptionsV2* cuda = nullptr;
  try {
    Ort::ThrowOnError(api.CreateCUDAProviderOptions(&cuda));
    const std::unique_ptr<OrtCUDAProviderOptionsV2, void (*)(OrtCUDAProviderOptionsV2*)> owner(
        cuda, api.ReleaseCUDAProviderOptions);
    const std::string number = std::to_string(device.number());
    const std::string stream = std::to_string(reinterpret_cast<uintptr_t>(device.stream()));
    // Its stream is ours; its memory grows by what a block needs; float32 means float32. All in
    // one call: another one would set what it does not name to the defaults.
    const char* const keys[] = {"device_id", "has_user_compute_stream", "user_compute_stream",
                                "arena_extend_strategy", "use_tf32"};
    const char* const values[] = {number.c_str(), "1", stream.c_str(), "kSameAsRequested", "0"};
    Ort::ThrowOnError(api.UpdateCUDAProviderOptions(cuda, keys, values, std::size(keys)));
    options.AppendExecutionProvider_CUDA_V2(*cuda);
  } catch (const Ort::Exception& e) {
    fail(Code::unsupported_machine, "CUDA device ", device.number(),
         " cannot be used by ONNX Runtime: ", one_line(e.what()),
         ". Install CUDA's libraries for it: pip install 'dponnx[gpu]'");
  }
}

Ort::SessionOptions options_of(const dponnx_options& options, const CudaDevice* cuda) {
  Ort::SessionOptions result;
  result.SetIntraOpNumThreads(options.threads < 0 ? 0 : std::max(1, options.threads));
  result.SetLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);  // failures arrive as exceptions
  // Waiting threads sleep: a frame runs for milliseconds and callers are often many processes.
  result.AddConfigEntry("session.intra_op.allow_spinning", "0");
  const std::string library = cuda ? cuda_session_operators(cuda->library()) : operator_library();
  try {
    result.RegisterCustomOpsLibrary(library.c_str());
  } catch (const Ort::Exception& e) {
    fail(Code::unsupported_machine, library,
         ": ONNX Runtime does not load our operators: ", one_line(e.what()));
  }
  if (cuda && !cuda->emulated()) add_cuda(result, *cuda);
  return result;
}

Ort::MemoryInfo memory_of(const CudaDevice* cuda) {
  if (cuda && !cuda->emulated()) {
    return Ort::MemoryInfo("Cuda", OrtDeviceAllocator, cuda->number(), OrtMemTypeDefault);
  }
  return Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
}

std::map<std::string, std::string> entries_of(const Ort::Session& session) {
  Ort::AllocatorWithDefaultOptions allocator;
  const Ort::ModelMetadata metadata = session.GetModelMetadata();
  std::map<std::string, std::string> entries;
  for (const auto& key : metadata.GetCustomMetadataMapKeysAllocated(allocator)) {
    entries[key.get()] = metadata.LookupCustomMetadataMapAllocated(key.get(), allocator).get();
  }
  return entries;
}

bool holds(const std::vector<std::string>& names, const char* name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Session::Session(const Source& source, const dponnx_options& options) {
  if (!source.data) check_file(source.name);
  load_onnxruntime(options.ort_library);
  cuda_ = open_device(options);
  memory_ = memory_of(cuda());
  const Ort::SessionOptions prepared = options_of(options, cuda());
  try {
    session_ =
        source.data
            ? std::make_unique<Ort::Session>(environment(), source.data, source.size, prepared)
            : std::make_unique<Ort::Session>(environment(), source.name.c_str(), prepared);
  } catch (const Ort::Exception& e) {
    fail(Code::invalid_model, source.name, ": ONNX Runtime refuses it: ", one_line(e.what()));
  }
  about_ = read_about(source.name, entries_of(*session_));
  Ort::AllocatorWithDefaultOptions allocator;
  for (size_t k = 0; k < session_->GetInputCount(); ++k) {
    inputs_.push_back(session_->GetInputNameAllocated(k, allocator).get());
  }
  for (size_t k = 0; k < session_->GetOverridableInitializerCount(); ++k) {
    inputs_.push_back(session_->GetOverridableInitializerNameAllocated(k, allocator).get());
  }
  for (size_t k = 0; k < session_->GetOutputCount(); ++k) {
    outputs_.push_back(session_->GetOutputNameAllocated(k, allocator).get());
  }
}

bool Session::has_input(const char* name) const { return holds(inputs_, name); }
bool Session::has_output(const char* name) const { return holds(outputs_, name); }

std::vector<Ort::Value> Session::run(const std::vector<const char*>& in,
                                     const std::vector<Ort::Value>& values,
                                     const std::vector<const char*>& out) {
  try {
    return session_->Run(Ort::RunOptions{nullptr}, in.data(), values.data(), in.size(), out.data(),
                         out.size());
  } catch (const Ort::Exception& e) {
    throw std::runtime_error(about_.name + ": ONNX Runtime failed: " + one_line(e.what()));
  }
}

void Session::run(const Ort::IoBinding& binding, bool wait) {
  try {
    Ort::RunOptions options;
    if (cuda_ && !cuda_->emulated() && !wait) {
      options.AddConfigEntry("disable_synchronize_execution_providers", "1");
    }
    session_->Run(options, binding);
  } catch (const Ort::Exception& e) {
    const std::string text = one_line(e.what());
    const bool full = text.find("allocate") != std::string::npos;
    throw std::runtime_error(about_.name + ": ONNX Runtime failed: " + text +
                             (full ? ". Give blocks less memory (dponnx_options.memory_mb)" : ""));
  }
}

}  // namespace dponnx

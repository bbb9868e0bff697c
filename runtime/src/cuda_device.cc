// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_device.h"

#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#include "error.h"
#include "paths.h"

namespace dponnx {

namespace {

void* symbol(void* handle, const std::string& library, const char* name) {
  if (void* found = dlsym(handle, name)) return found;
  fail(Code::unsupported_machine, library, " has no ", name,
       "; expected the operators for CUDA of this release. Install dponnx again");
}

CudaFunctions functions_of(const std::string& library, bool* emulated) {
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);  // stays: threads may be inside
  if (!handle) {
    fail(Code::unsupported_machine, "the operators for CUDA do not load: ", dlerror());
  }
  const auto abi =
      reinterpret_cast<decltype(&dponnx_cuda_abi)>(symbol(handle, library, "dponnx_cuda_abi"));
  if (abi() != kDponnxCudaAbi) {
    fail(Code::unsupported_machine, library, " has interface ", abi(), "; expected ",
         kDponnxCudaAbi, ", of the same release as libdponnx. Install dponnx again");
  }
  *emulated = reinterpret_cast<decltype(&dponnx_cuda_emulated)>(
      symbol(handle, library, "dponnx_cuda_emulated"))();
  CudaFunctions f;
#define DPONNX_CUDA_FUNCTION(name) \
  f.name = reinterpret_cast<decltype(f.name)>(symbol(handle, library, "dponnx_cuda_" #name));
  DPONNX_CUDA_FUNCTIONS(DPONNX_CUDA_FUNCTION)
#undef DPONNX_CUDA_FUNCTION
  return f;
}

}  // namespace

bool cuda_is_emulated() {
  const char* library = std::getenv("DPONNX_CUDA_OPERATORS");
  void* handle = library ? dlopen(library, RTLD_NOW | RTLD_LOCAL) : nullptr;
  void* found = handle ? dlsym(handle, "dponnx_cuda_emulated") : nullptr;
  return found && reinterpret_cast<decltype(&dponnx_cuda_emulated)>(found)();
}

CudaDevice::CudaDevice(int number)
    : number_(number),
      library_(cuda_operator_library()),
      functions_(functions_of(library_, &emulated_)) {
  int32_t devices = 0;
  const char* why = functions_.use(number, &devices);
  if (why && devices == 0) {
    fail(Code::unsupported_machine, "CUDA device ", number, ": ", why,
         ". Is an NVIDIA driver installed, and does nvidia-smi list a GPU?");
  }
  if (number < 0 || number >= devices) {
    fail(Code::unsupported_machine, "CUDA device ", number, " does not exist; expected 0..",
         devices - 1);
  }
  if (why) fail(Code::unsupported_machine, "CUDA device ", number, ": ", why);
  must(functions_.open_stream(&stream_));
}

CudaDevice::~CudaDevice() {
  int32_t devices = 0;
  functions_.use(number_, &devices);
  functions_.close_stream(stream_);
}

void CudaDevice::use() const {
  int32_t devices = 0;
  must(functions_.use(number_, &devices));
}

int64_t CudaDevice::free_memory() const {
  int64_t free = 0, all = 0;
  must(functions_.memory(&free, &all));
  return free;
}

void CudaDevice::copy(void* to, const void* from, int64_t bytes) const {
  must(functions_.copy(to, from, bytes, stream_));
}

void CudaDevice::clear(void* memory, int64_t bytes) const {
  must(functions_.clear(memory, bytes, stream_));
}

void CudaDevice::wait() const {
  must(functions_.wait(stream_));
  check_report();
}

void CudaDevice::check_report() const {
  if (const char* found = functions_.report()) fail(Code::invalid_argument, found);
}

void CudaDevice::must(const char* text) const {
  if (!text) return;
  throw std::runtime_error("CUDA device " + std::to_string(number_) + ": " + text);
}

}  // namespace dponnx

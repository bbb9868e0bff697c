// SPDX-License-Identifier: LGPL-3.0-or-later
#include "paths.h"

#include <dlfcn.h>
#include <glob.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <vector>

#include "ort.h"

namespace dponnx {

namespace {

/// Folder this library lies in.
std::string own_folder() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void*>(&own_folder), &info) || !info.dli_fname) return ".";
  const std::string path = info.dli_fname;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

/// Files that match a pattern, in alphabetical order.
std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> result;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
    result.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  }
  globfree(&found);
  return result;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

/// Opens the first of the libraries that loads. Throws Error naming all that were tried.
void* open_first(const std::vector<std::string>& paths, const std::string& advice) {
  std::string why;
  for (const std::string& path : paths) {
    if (void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
    why += (why.empty() ? "" : "; ") + std::string(dlerror());
  }
  fail(Code::unsupported_machine, advice, " (", why, ")");
}

/// A path that was asked for, alone; otherwise the places it usually is.
std::vector<std::string> places(const std::string& asked, const std::string& package,
                                std::initializer_list<const char*> system) {
  if (!asked.empty()) return {asked};
  std::vector<std::string> result = matches(own_folder() + "/../../" + package);
  result.insert(result.end(), system.begin(), system.end());
  return result;
}

/// The path a variable names, or one of our own libraries where the package or the build has it.
std::string own_library(const char* asking, const std::string& name, const char* advice) {
  const std::string asked = variable(asking);
  if (!asked.empty()) return asked;
  for (const char* folder : {"/", "/../custom_ops/"}) {
    const std::string path = own_folder() + folder + name;
    if (access(path.c_str(), R_OK) == 0) return path;
  }
  fail(Code::unsupported_machine, own_folder(), " and ../custom_ops hold no ", name, "; ", advice);
}

}  // namespace

void load_onnxruntime(const char* wanted) {
  static std::mutex lock;
  static bool loaded = false;
  const std::lock_guard<std::mutex> guard(lock);
  if (loaded) return;
  const std::string asked = wanted && *wanted ? wanted : variable("DPONNX_ORT_LIBRARY");
  void* handle =
      open_first(places(asked, "onnxruntime/capi/libonnxruntime.so*",
                        {"libonnxruntime.so.1", "libonnxruntime.so"}),
                 "ONNX Runtime is not found; install it (pip install onnxruntime), or set "
                 "DPONNX_ORT_LIBRARY to its libonnxruntime.so");
  const auto base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(handle, "OrtGetApiBase"));
  if (!base) {
    fail(Code::unsupported_machine, asked, ": has no OrtGetApiBase; expected libonnxruntime.so");
  }
  const OrtApi* api = base()->GetApi(kOrtApiVersion);
  if (!api) {
    fail(Code::unsupported_machine, "ONNX Runtime ", base()->GetVersionString(),
         " is too old; expected 1.21 or later");
  }
  Ort::InitApi(api);
  loaded = true;
}

std::string operator_library() {
  return own_library("DPONNX_OPERATORS", "libdponnx_ops.so",
                     "install dponnx again, or set DPONNX_OPERATORS to its path");
}

std::string cuda_operator_library() {
  return own_library("DPONNX_CUDA_OPERATORS", "libdponnx_ops_cuda.so",
                     "it is built where nvcc is found: install the CUDA toolkit, then dponnx "
                     "again, or set DPONNX_CUDA_OPERATORS to its path");
}

std::string cuda_session_operators(const std::string& library) {
  const std::string asked = variable("DPONNX_OPERATORS");
  return asked.empty() ? library : asked;
}

void load_nvidia_libraries() {
  // A library's own needs come before it.
  static const bool done = [] {
    for (const char* name : {"cudart", "cublasLt", "cublas", "curand", "cudnn"}) {
      const std::string file = std::string("/lib/lib") + name + ".so.[0-9]*";
      const auto found = matches(own_folder() + "/../../nvidia/*" + file);
      if (!found.empty()) dlopen(found.back().c_str(), RTLD_NOW | RTLD_GLOBAL);
    }
    return true;
  }();
  (void)done;
}

void* vesin_symbol(const char* name) {
  static void* handle = open_first(
      places(variable("DPONNX_VESIN_LIBRARY"), "vesin/lib/libvesin.so", {"libvesin.so"}),
      "vesin, which finds neighbours, is not found; install it (pip install vesin), or set "
      "DPONNX_VESIN_LIBRARY to its libvesin.so");
  if (void* symbol = dlsym(handle, name)) return symbol;
  fail(Code::unsupported_machine, "libvesin.so has no ", name, "; expected vesin 0.6 or later");
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#define ORT_API_MANUAL_INIT
#include <onnxruntime_cxx_api.h>
#undef ORT_API_MANUAL_INIT

#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "error.h"

/// What all operators share: the boundary to ONNX Runtime.
namespace dponnx {

/// The API version asked for; later headers and runtimes keep it.
constexpr uint32_t kOrtApiVersion = 21;

template <class T>
constexpr ONNXTensorElementDataType element_type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
template <>
inline constexpr auto element_type<float> = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
template <>
inline constexpr auto element_type<double> = ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
template <>
inline constexpr auto element_type<int32_t> = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
template <>
inline constexpr auto element_type<int64_t> = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
template <>
inline constexpr auto element_type<bool> = ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL;

/// One input or output of an operator.
struct Port {
  const char* name;
  ONNXTensorElementDataType type;
  bool optional = false;
};

/// An input as the kernels see it.
template <class T>
struct Input {
  const char* name;
  std::vector<int64_t> shape;
  const T* data;

  int64_t size() const;  ///< number of elements
};

/// "[3, 7]", with "?" for -1.
std::string to_text(const std::vector<int64_t>& shape);

/// The input's tensor, of any shape.
template <class T>
Input<T> get_input(const Ort::KernelContext& context, const Port* ports, size_t index);

/// The same; fails unless it has the expected rank and sizes (-1: any).
template <class T>
Input<T> get_input(const Ort::KernelContext& context, const Port* ports, size_t index,
                   const std::vector<int64_t>& expected);

/// Allocates an output.
template <class T>
T* get_output(const Ort::KernelContext& context, size_t index, const std::vector<int64_t>& shape);

/// The same for an optional output: null if the node does not name it.
template <class T>
T* get_optional_output(const Ort::KernelContext& context, size_t index,
                       const std::vector<int64_t>& shape);

/// Fails at the first element of a [rows, n] input outside [low, high]; high_text names high.
void check_range(const Input<int32_t>& input, int64_t low, int64_t high, const char* expected);

/// natoms = nloc, nall, local atoms of each type: returns nloc and nall.
std::array<int64_t, 2> read_natoms(const Input<int32_t>& natoms);

/// body(0) .. body(total - 1) on ONNX Runtime's threads. The first exception is rethrown here.
void parallel_for(const Ort::KernelContext& context, int64_t total,
                  const std::function<void(int64_t)>& body);

/// Runs body; whatever it throws becomes a status that starts with where. The only place that
/// translates exceptions.
template <class Body>
OrtStatusPtr guard(const OrtApi& api, const std::string& where, const Body& body) noexcept {
  const auto status = [&](OrtErrorCode code, const char* what) {
    return api.CreateStatus(code, (where + ": " + what).c_str());
  };
  try {
    body();
    return nullptr;
  } catch (const Error& e) {
    switch (e.code()) {
      case Code::invalid_argument:
        return status(ORT_INVALID_ARGUMENT, e.what());
      case Code::invalid_model:
        return status(ORT_INVALID_GRAPH, e.what());
      case Code::unsupported_machine:
        return status(ORT_NOT_IMPLEMENTED, e.what());
    }
    return status(ORT_FAIL, e.what());
  } catch (const std::exception& e) {
    return status(ORT_FAIL, e.what());
  } catch (...) {
    return api.CreateStatus(ORT_FAIL, "dponnx: unknown exception");
  }
}

/// An operator from its kernel class, which provides: name, inputs and outputs (Port arrays), a
/// constructor from Ort::ConstKernelInfo, and run(Ort::KernelContext&).
template <class Kernel>
struct OpKernel {
  OpKernel(const OrtApi& api, const OrtKernelInfo* info)
      : api(api), kernel(Ort::ConstKernelInfo(info)) {}
  OrtStatusPtr ComputeV2(OrtKernelContext* raw) {
    return guard(api, Kernel::name, [&] {
      Ort::KernelContext context(raw);
      kernel.run(context);
    });
  }
  const OrtApi& api;
  Kernel kernel;
};

/// What operators of all devices declare alike.
template <class This, class NodeKernel, class Kernel>
struct OpBase : Ort::CustomOpBase<This, NodeKernel, true> {
  OpBase() { OrtCustomOp::version = kOrtApiVersion; }
  const char* GetName() const { return Kernel::name; }
  size_t GetInputTypeCount() const { return std::size(Kernel::inputs); }
  size_t GetOutputTypeCount() const { return std::size(Kernel::outputs); }
  ONNXTensorElementDataType GetInputType(size_t i) const { return Kernel::inputs[i].type; }
  ONNXTensorElementDataType GetOutputType(size_t i) const { return Kernel::outputs[i].type; }
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(size_t i) const {
    return Kernel::inputs[i].optional ? INPUT_OUTPUT_OPTIONAL : INPUT_OUTPUT_REQUIRED;
  }
  OrtCustomOpInputOutputCharacteristic GetOutputCharacteristic(size_t i) const {
    return Kernel::outputs[i].optional ? INPUT_OUTPUT_OPTIONAL : INPUT_OUTPUT_REQUIRED;
  }
  OrtStatusPtr CreateKernelV2(const OrtApi& api, const OrtKernelInfo* info, void** kernel) const {
    return guard(api, Kernel::name, [&] { *kernel = new NodeKernel(api, info); });
  }
};

template <class Kernel>
struct Op : OpBase<Op<Kernel>, OpKernel<Kernel>, Kernel> {};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "ort.h"

#include <algorithm>
#include <mutex>
#include <numeric>

namespace dponnx {

std::string to_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t k = 0; k < shape.size(); ++k) {
    text += (k ? ", " : "") + (shape[k] < 0 ? std::string("?") : std::to_string(shape[k]));
  }
  return text + "]";
}

template <class T>
int64_t Input<T>::size() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

template <class T>
Input<T> get_input(const Ort::KernelContext& context, const Port* ports, size_t index) {
  const Ort::ConstValue value = context.GetInput(index);
  const char* name = ports[index].name;
  const auto info = value.GetTensorTypeAndShapeInfo();
  if (info.GetElementType() != element_type<T>) {
    fail(Code::invalid_argument, name, " has element type ", info.GetElementType(), "; expected ",
         element_type<T>, " (ONNX numbering)");
  }
  return {name, info.GetShape(), value.GetTensorData<T>()};
}

template <class T>
Input<T> get_input(const Ort::KernelContext& context, const Port* ports, size_t index,
                   const std::vector<int64_t>& expected) {
  const Input<T> input = get_input<T>(context, ports, index);
  bool fits = input.shape.size() == expected.size();
  for (size_t k = 0; fits && k < expected.size(); ++k) {
    fits = expected[k] < 0 || input.shape[k] == expected[k];
  }
  if (!fits) {
    fail(Code::invalid_argument, input.name, " has shape ", to_text(input.shape), "; expected ",
         to_text(expected));
  }
  return input;
}

template <class T>
T* get_output(const Ort::KernelContext& context, size_t index, const std::vector<int64_t>& shape) {
  return context.GetOutput(index, shape).GetTensorMutableData<T>();
}

template <class T>
T* get_optional_output(const Ort::KernelContext& context, size_t index,
                       const std::vector<int64_t>& shape) {
  if (index >= context.GetOutputCount()) return nullptr;
  Ort::UnownedValue value = context.GetOutput(index, shape);
  return value ? value.GetTensorMutableData<T>() : nullptr;
}

void check_range(const Input<int32_t>& input, int64_t low, int64_t high, const char* expected) {
  const int64_t size = input.size();
  int32_t smallest = 0, largest = -1;  // harmless: -1 and 0 lie in every range checked
  for (int64_t k = 0; k < size; ++k) {
    smallest = std::min(smallest, input.data[k]);
    largest = std::max(largest, input.data[k]);
  }
  if (smallest >= low && largest <= high) return;
  const int64_t k =
      std::find_if(input.data, input.data + size, [&](int32_t v) { return v < low || v > high; }) -
      input.data;
  const int64_t columns = input.shape.size() > 1 ? input.shape[1] : 1;
  std::string at = std::to_string(k / columns);
  if (input.shape.size() > 1) at += "," + std::to_string(k % columns);
  fail(Code::invalid_argument, input.name, "[", at, "] = ", input.data[k], ", expected ", expected,
       " = ", high);
}

std::array<int64_t, 2> read_natoms(const Input<int32_t>& natoms) {
  if (natoms.shape[0] < 2) {
    fail(Code::invalid_argument, "natoms has shape ", to_text(natoms.shape),
         "; expected [2 + ntypes]: nloc, nall, local atoms of each type");
  }
  const int64_t nloc = natoms.data[0], nall = natoms.data[1];
  if (nloc < 0 || nall < nloc) {
    fail(Code::invalid_argument, "natoms = ", nloc, ", ", nall,
         ", ...; expected 0 <= nloc <= nall");
  }
  return {nloc, nall};
}

void parallel_for(const Ort::KernelContext& context, int64_t total,
                  const std::function<void(int64_t)>& body) {
  struct Job {
    const std::function<void(int64_t)>& body;
    std::mutex lock;
    std::exception_ptr error;
  } job{body, {}, nullptr};
  if (total == 1) {
    body(0);
  } else if (total > 1) {
    context.ParallelFor(
        [](void* data, size_t k) {
          Job& job = *static_cast<Job*>(data);
          try {
            job.body(static_cast<int64_t>(k));
          } catch (...) {
            const std::lock_guard<std::mutex> guard(job.lock);
            if (!job.error) job.error = std::current_exception();
          }
        },
        static_cast<size_t>(total), 0, &job);
  }
  if (job.error) std::rethrow_exception(job.error);
}

#define DPONNX_INSTANTIATE(T)                                                             \
  template struct Input<T>;                                                               \
  template Input<T> get_input(const Ort::KernelContext&, const Port*, size_t);            \
  template Input<T> get_input(const Ort::KernelContext&, const Port*, size_t,             \
                              const std::vector<int64_t>&);                               \
  template T* get_output(const Ort::KernelContext&, size_t, const std::vector<int64_t>&); \
  template T* get_optional_output(const Ort::KernelContext&, size_t, const std::vector<int64_t>&);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)
DPONNX_INSTANTIATE(int32_t)
DPONNX_INSTANTIATE(int64_t)
DPONNX_INSTANTIATE(bool)

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/table.h>

#include <cmath>

#include "ort.h"

/// Tables as inputs of a node: initializers, their sizes as attributes.
namespace dponnx {

/// A constant input of the node, whose data lives as long as the session.
template <class T>
Input<T> constant_input(const Ort::ConstKernelInfo& info, size_t index, const char* name) {
  int is_constant = 0;
  const auto value = info.GetTensorConstantInput(index, &is_constant);
  if (!is_constant) fail(Code::invalid_model, name, " is computed; expected an initializer");
  return {name, value.GetTensorTypeAndShapeInfo().GetShape(), value.template GetTensorData<T>()};
}

/// The same with the shape it must have.
template <class T>
const T* constant_input(const Ort::ConstKernelInfo& info, size_t index, const char* name,
                        const std::vector<int64_t>& expected) {
  const Input<T> input = constant_input<T>(info, index, name);
  if (input.shape != expected) {
    fail(Code::invalid_model, name, " has shape ", to_text(input.shape), "; expected ",
         to_text(expected));
  }
  return input.data;
}

inline int checked_count(const char* name, int64_t n, int64_t least) {
  if (n < least || n > 100000000) {
    fail(Code::invalid_model, name, " = ", n, "; expected ", least, "..100000000");
  }
  return static_cast<int>(n);
}

/// The knots of a table from t = lower, upper, max, fine stride, coarse stride, and row counts.
template <class T>
TableGrid<T> checked_grid(const T* t, int64_t n_left, int64_t n_fine, int64_t n_coarse) {
  TableGrid<T> grid{t[0], t[1], t[2], t[3], t[4], 0, 0, 0};
  grid.n_fine = checked_count("n_fine", n_fine, 1);
  grid.n_coarse = checked_count("n_coarse", n_coarse, 0);
  grid.n_left = checked_count("n_left", n_left, 0);
  const bool ordered = grid.lower < grid.upper && grid.upper <= grid.maximum && grid.fine > 0 &&
                       grid.coarse > 0 && std::isfinite(grid.maximum) && std::isfinite(grid.lower);
  if (!ordered) {
    fail(Code::invalid_model, "table_info = ", t[0], ", ", t[1], ", ", t[2], ", ", t[3], ", ", t[4],
         "; expected lower < upper <= max and strides > 0");
  }
  return grid;
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cmath>

#include "macros.h"

/// Functions of one number that ONNX Runtime lacks in float64, or has with errors.
namespace dponnx {

struct Erf {
  static constexpr const char* name = "Erf";
  DPONNX_HD static double at(double x) { return std::erf(x); }
};

struct Erfc {
  static constexpr const char* name = "Erfc";
  template <class T>
  DPONNX_HD static T at(T x) {
    return std::erfc(x);
  }
};

/// log(1 + e^x). ONNX Runtime's float64 one is infinite from x = 710 on, and gone at opset 20.
struct Softplus {
  static constexpr const char* name = "Softplus";
  DPONNX_HD static double at(double x) {
    return (x > 0 ? x : x == x ? 0.0 : x) + std::log1p(std::exp(-std::abs(x)));
  }
};

}  // namespace dponnx

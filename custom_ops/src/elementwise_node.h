// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/elementwise.h>

#include "ort.h"

/// Operators that apply a function to each number of a tensor, on all devices.
namespace dponnx {

/// Function F of elements T.
template <class F, class T>
struct ElementwisePorts {
  using Function = F;
  using Element = T;
  static constexpr const char* name = F::name;
  static constexpr Port inputs[] = {{"x", element_type<T>}};
  static constexpr Port outputs[] = {{"y", element_type<T>}};
};

/// f(ElementwisePorts) for each that there are operators of.
template <class Each>
void for_each_elementwise(const Each& f) {
  f(ElementwisePorts<Erf, double>{});  // in float32 ONNX Runtime has it
  f(ElementwisePorts<Softplus, double>{});
  f(ElementwisePorts<Erfc, float>{});
  f(ElementwisePorts<Erfc, double>{});
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "tanh.h"

/// Activations of DeePMD-kit's nets, and their slopes, one number or lane by lane.
namespace dponnx {

/// In the order of kActivationNames.
enum class Activation { linear, tanh, relu, relu6, softplus, sigmoid, gelu, gelu_tf, silu };

inline constexpr const char* kActivationNames[] = {
    "linear", "tanh", "relu", "relu6", "softplus", "sigmoid", "gelu", "gelu_tf", "silu"};

/// exp(|x|) - 1, with |x| limited to what the exponent holds.
template <class T, class V>
DPONNX_HD V exp_minus_1_of_size(const V& x) {
  constexpr T limit = ExpConstants<T>::limit;
  const V size = x < V{} ? V(-x) : x;
  return exp_minus_1<T>(V(size > splat<V>(limit) ? splat<V>(limit) : size));
}

/// 1/(1 + e^-x) from e = exp(|x|) - 1, and by reflected 1/(1 + e^x): no digits lost at either end.
template <class T, class V>
DPONNX_HD V logistic(const V& x, const V& e, V& reflected) {
  const V small = T(1) / (e + T(2));
  const V large = (e + T(1)) * small;
  reflected = x < V{} ? large : small;
  return x < V{} ? small : large;
}

/// log(1 + e^-|x|) = 2 atanh(s), s = 1/(2 e^|x| + 1) <= 1/3, from e = exp(|x|) - 1.
template <class T, class V>
DPONNX_HD V log_1_plus_exp(const V& e) {
  constexpr int order = sizeof(T) == sizeof(double) ? 16 : 7;  // s^2k/(2k + 1) below a unit
  const V s = T(1) / (T(2) * e + T(3));
  const V s2 = s * s;
  V q = splat<V>(T(1) / T(2 * order + 1));
  for (int k = order - 1; k >= 0; --k) q = q * s2 + T(1) / T(2 * k + 1);
  return T(2) * s * q;
}

/// a(x); slope gets a'(x), 0 at the kinks of relu and relu6. NaN stays NaN.
///
///   relu6     min(max(x, 0), 6)
///   softplus  log(1 + e^x)
///   gelu      x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), arXiv:1606.08415
///   gelu_tf   the same with TensorFlow's 0.044715, which is a float32 number in float64, too
///   silu      x/(1 + e^-x)
template <Activation A, class T, class V>
DPONNX_HD V activate(const V& x, V& slope) {
  const V zero{}, one = splat<V>(T(1));
  if constexpr (A == Activation::tanh) {
    const V t = hyperbolic_tangent<T>(x);
    slope = one - t * t;
    return t;
  } else if constexpr (A == Activation::relu) {
    slope = x > zero ? one : zero;
    return x < zero ? zero : x;
  } else if constexpr (A == Activation::relu6) {
    const V six = splat<V>(T(6));
    slope = x > zero ? (x < six ? one : zero) : zero;
    const V low = x < zero ? zero : x;
    return low > six ? six : low;
  } else if constexpr (A == Activation::softplus) {
    const V e = exp_minus_1_of_size<T>(x);
    V reflected;
    slope = logistic<T>(x, e, reflected);
    return (x < zero ? zero : x) + log_1_plus_exp<T>(e);
  } else if constexpr (A == Activation::sigmoid) {
    V reflected;
    const V y = logistic<T>(x, exp_minus_1_of_size<T>(x), reflected);
    slope = y * reflected;
    return y;
  } else if constexpr (A == Activation::gelu || A == Activation::gelu_tf) {
    constexpr T scale = T(0.79788456080286535588);
    constexpr T cubic = A == Activation::gelu ? T(0.044715) : T(0.044715f);
    const V t = hyperbolic_tangent<T>(V(scale * (x + cubic * (x * x * x))));
    const V half = T(0.5) * (one + t);
    slope = half + T(0.5) * x * (one - t * t) * (scale * (one + T(3) * cubic * (x * x)));
    return x * half;
  } else if constexpr (A == Activation::silu) {
    V reflected;
    const V s = logistic<T>(x, exp_minus_1_of_size<T>(x), reflected);
    const V y = x * s;
    slope = s + y * reflected;
    return y;
  } else {
    slope = one;
    return x;
  }
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "macros.h"

/// Small vectors through the compiler's vector extension, no intrinsics.
/// A scalar (float, double) is a vector of one lane: every function below takes both.
namespace dponnx {

/// Vec<T, Bytes>::type: Bytes / sizeof(T) lanes of T. Bytes = 0 is plain T.
template <class T, int Bytes>
struct Vec {
  typedef T type __attribute__((vector_size(Bytes)));
};
template <class T>
struct Vec<T, 0> {
  using type = T;
};

/// Number of lanes of V over elements T.
template <class T, class V>
constexpr int lanes = sizeof(V) / sizeof(T);

/// Unaligned load of lanes<T, V> elements.
template <class V, class T>
DPONNX_HD V load(const T* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof(V));
  return v;
}

/// Unaligned store of all lanes.
template <class V, class T>
DPONNX_HD void store(T* p, const V& v) {
  __builtin_memcpy(p, &v, sizeof(V));
}

/// The first n lanes (all of them if n is more); 0 in the others.
template <class V, class T>
DPONNX_HD V load_some(const T* p, int n) {
  constexpr int L = lanes<T, V>;
  if (n >= L) return load<V>(p);
  T lane[L];
  for (int l = 0; l < L; ++l) lane[l] = l < n ? p[l] : T(0);
  return load<V>(lane);
}

/// Stores the first n lanes (all of them if n is more).
template <class V, class T>
DPONNX_HD void store_some(T* p, const V& v, int n) {
  constexpr int L = lanes<T, V>;
  if (n >= L) {
    store(p, v);
  } else {
    T lane[L];
    store(lane, v);
    for (int l = 0; l < n; ++l) p[l] = lane[l];
  }
}

/// The same element in every lane.
template <class V, class T>
DPONNX_HD V splat(T s) {
  return s - V{};
}

/// Lane by lane square root.
template <class T, class V>
DPONNX_HD V square_root(const V& v) {
  V out;
  T in[lanes<T, V>], root[lanes<T, V>];
  __builtin_memcpy(in, &v, sizeof(V));
  for (int l = 0; l < lanes<T, V>; ++l) {
    if constexpr (sizeof(T) == sizeof(float)) {
      root[l] = __builtin_sqrtf(in[l]);
    } else {
      root[l] = __builtin_sqrt(in[l]);
    }
  }
  __builtin_memcpy(&out, root, sizeof(V));
  return out;
}

/// Sum over the lanes, pairwise.
template <class T, class V>
DPONNX_HD T sum(const V& v) {
  constexpr int n = lanes<T, V>;
  if constexpr (n == 1) {
    return v;
  } else if constexpr (n == 2) {
    return v[0] + v[1];
  } else {
    using Half = typename Vec<T, sizeof(V) / 2>::type;
    Half low, high;
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define DPONNX_SHUFFLE 1
#endif
#endif
#ifdef DPONNX_SHUFFLE  // stays in registers; compilers before GCC 12 do without
    if constexpr (n == 4) {
      low = __builtin_shufflevector(v, v, 0, 1), high = __builtin_shufflevector(v, v, 2, 3);
    } else if constexpr (n == 8) {
      low = __builtin_shufflevector(v, v, 0, 1, 2, 3);
      high = __builtin_shufflevector(v, v, 4, 5, 6, 7);
    } else {
      static_assert(n == 16);
      low = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7);
      high = __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    }
#else
    T lane[n];
    __builtin_memcpy(lane, &v, sizeof(V));
    low = load<Half>(lane), high = load<Half>(lane + n / 2);
#endif
    return sum<T, Half>(low + high);
  }
}

}  // namespace dponnx

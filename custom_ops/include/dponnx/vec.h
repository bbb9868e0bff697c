// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <utility>

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

/// Lane by lane, the fraction dropped. Lanes must fit into an int.
template <class T, class V>
DPONNX_HD V truncate(const V& v) {
  if constexpr (lanes<T, V> == 1) {
    return static_cast<T>(static_cast<int>(v));
  } else {
    using Ints = typename Vec<int, lanes<T, V> * sizeof(int)>::type;
    return __builtin_convertvector(__builtin_convertvector(v, Ints), V);
  }
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
#if defined(__has_builtin) && !defined(__CUDACC__)  // nvcc reads it as C++ of its own
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

#ifdef DPONNX_SHUFFLE
/// Groups of S lanes, those of a and b in turn, each folded to S / 2.
template <int S, class V, int... Lane>
DPONNX_HD V fold(const V& a, const V& b, std::integer_sequence<int, Lane...>) {
  constexpr int n = sizeof...(Lane), half = S / 2;
  return __builtin_shufflevector(a, b,
                                 (Lane / half % 2 * n + Lane / half / 2 * S + Lane % half)...) +
         __builtin_shufflevector(
             a, b, (Lane / half % 2 * n + Lane / half / 2 * S + Lane % half + half)...);
}

/// Lane g is part g, folded to lanes / G numbers, of G vectors v[0], v[step], ...
template <int G, class T, class V>
DPONNX_HD V fold_all(const V* v, int step) {
  if constexpr (G == 1) {
    return v[0];
  } else {
    constexpr int n = lanes<T, V>;
    return fold<2 * n / G>(fold_all<G / 2, T>(v, 2 * step), fold_all<G / 2, T>(v + step, 2 * step),
                           std::make_integer_sequence<int, n>());
  }
}
#endif

/// out[i] = sum over the lanes of v[i]: as sum(), in fewer steps for many vectors.
template <int N, class T, class V>
DPONNX_HD void sum_each(const V (&v)[N], T* out) {
  constexpr int n = lanes<T, V>;
#ifdef DPONNX_SHUFFLE
  if constexpr (n > 1) {
#pragma GCC unroll 8
    for (int first = 0; first < N; first += n) {
      V part[n];
#pragma GCC unroll 16
      for (int l = 0; l < n; ++l) part[l] = first + l < N ? v[first + l] : V{};
      const V sums = fold_all<n, T>(part, 1);
      store_some(out + first, sums, N - first);
    }
    return;
  }
#endif
  for (int i = 0; i < N; ++i) out[i] = sum<T>(v[i]);
}

}  // namespace dponnx

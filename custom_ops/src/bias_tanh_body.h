// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: a layer's bias, tanh, time step and residual in one sweep, and back.

// The columns of one row, vector by vector; f(column, lanes that are there).
template <class T, class F>
DPONNX_HD void for_columns(int64_t k, const F& f) {
  constexpr int L = lanes<T, Wide<T>>;
  int64_t at = 0;
  for (; at + L <= k; at += L) f(at, L);
  if (at < k) f(at, static_cast<int>(k - at));
}

template <class T>
void bias_tanh(const BiasTanhArgs<T>& args, int64_t begin, int64_t end) {
  using V = Wide<T>;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t first = row * args.k;
    for_columns<T>(args.k, [&](int64_t c, int n) {
      const V x = load_some<V>(args.x + first + c, n) + load_some<V>(args.bias + c, n);
      V y = hyperbolic_tangent<T>(x);
      if (args.t) store_some(args.t + first + c, y, n);
      if (args.idt) y *= load_some<V>(args.idt + c, n);
      if (args.residual) y += load_some<V>(args.residual + first + c, n);
      store_some(args.y + first + c, y, n);
    });
  }
}

template <class T>
void bias_tanh_grad(const BiasTanhArgs<T>& args, int64_t begin, int64_t end) {
  using V = Wide<T>;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t first = row * args.k;
    for_columns<T>(args.k, [&](int64_t c, int n) {
      const V t = load_some<V>(args.x + first + c, n);
      V dx = load_some<V>(args.dy + first + c, n) * (T(1) - t * t);
      if (args.idt) dx *= load_some<V>(args.idt + c, n);
      store_some(args.y + first + c, dx, n);
    });
  }
}

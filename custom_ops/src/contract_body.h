// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: D = (G^T R)(R^T G_axis) of se_e2_a from T = R^T G, atom by atom.
//
// With T[c][m], c = 0..3: D[m][a] = sum_c T[c][m] T[c][a], a < axis. D[m][a] = D[a][m] where both
// are there, so only m >= a is kept: row a has width - a numbers, rows one after the other.

// The four rows of T, each followed by zeros up to `stride`.
template <class T>
void pad_rows(const T* rows, int width, int stride, T* padded) {
  for (int c = 0; c < 4; ++c) {
    __builtin_memcpy(padded + c * stride, rows + c * width, sizeof(T) * width);
    __builtin_memset(padded + c * stride + width, 0, sizeof(T) * (stride - width));
  }
}

template <class T>
void contract(const ContractArgs<T>& args, int64_t begin, int64_t end, T* scratch) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const int stride = args.stride;
  for (int64_t i = begin; i < end; ++i) {
    pad_rows(args.t + i * 4 * args.width, args.width, stride, scratch);
    T* out = args.d + i * args.size;
    for (int a = 0; a < args.axis; out += args.width - a, ++a) {
      V of_a[4];
      for (int c = 0; c < 4; ++c) of_a[c] = splat<V>(scratch[c * stride + a]);
      for (int m = a; m < args.width; m += L) {
        V total = of_a[0] * load<V>(scratch + m);
        for (int c = 1; c < 4; ++c) total += of_a[c] * load<V>(scratch + c * stride + m);
        // Lanes beyond a row fall into the next one, which is written later; not beyond the atom.
        const bool fits = out + m - a + L <= args.d + (i + 1) * args.size;
        store_some(out + m - a, total, fits ? L : args.width - m);
      }
    }
  }
}

// Row a of dy at [axis, stride], zeros before m = a and from width on.
template <class T>
void unpack_rows(const ContractArgs<T>& args, const T* dy, T* rows) {
  for (int a = 0; a < args.axis; ++a, rows += args.stride) {
    const int n = args.width - a;
    __builtin_memset(rows, 0, sizeof(T) * a);
    __builtin_memcpy(rows + a, dy, sizeof(T) * n);
    __builtin_memset(rows + args.width, 0, sizeof(T) * (args.stride - args.width));
    dy += n;
  }
}

// dt[c][m] = sum_a dy[a][m] T[c][a] + (m < axis) sum_m' dy[m][m'] T[c][m'].
template <class T>
void contract_grad(const ContractArgs<T>& args, int64_t begin, int64_t end, T* scratch) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const int stride = args.stride;
  T* dy = scratch + 4 * stride;
  for (int64_t i = begin; i < end; ++i) {
    pad_rows(args.t + i * 4 * args.width, args.width, stride, scratch);
    unpack_rows(args, args.dd + i * args.size, dy);
    T* out = args.dt + i * 4 * args.width;
    for (int m = 0; m < args.width; m += L) {
      V total[4] = {};
      for (int a = 0; a < args.axis; ++a) {
        const V of_row = load<V>(dy + a * stride + m);
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) total[c] += of_row * scratch[c * stride + a];
      }
      for (int c = 0; c < 4; ++c) store_some(out + c * args.width + m, total[c], args.width - m);
    }
    for (int a = 0; a < args.axis; ++a) {
      V total0{}, total1{}, total2{}, total3{};  // named: sum() would keep an array in memory
      for (int m = 0; m < args.width; m += L) {
        const V of_row = load<V>(dy + a * stride + m);
        total0 += of_row * load<V>(scratch + m);
        total1 += of_row * load<V>(scratch + stride + m);
        total2 += of_row * load<V>(scratch + 2 * stride + m);
        total3 += of_row * load<V>(scratch + 3 * stride + m);
      }
      out[a] += sum<T>(total0);
      out[args.width + a] += sum<T>(total1);
      out[2 * args.width + a] += sum<T>(total2);
      out[3 * args.width + a] += sum<T>(total3);
    }
  }
}

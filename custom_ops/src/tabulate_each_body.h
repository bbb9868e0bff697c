// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: tabulation of se_e2_r, one output row a neighbour and no sum.

// n neighbours located; out [., width] begins at the first neighbour.
template <bool Tangent, class T>
void each_some(const TableView<T>& table, const Located<T>* located, int n, T* out) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  for (int q = 0; q < n; ++q) {
    const Located<T>& at = located[q];
    const V dx = splat<V>(at.dx);
    T* to = out + int64_t(at.first) * table.width;
    for (int v = 0; v < table.n_vectors; ++v) {
      V a[6], value;
#pragma GCC unroll 6
      for (int k = 0; k < 6; ++k) a[k] = load<V>(at.row + (6 * v + k) * L);
      if constexpr (Tangent) {
        const V slope = poly5_slope(a, dx, value);
        value += slope * at.beyond;
      } else {
        value = poly5(a, dx);
      }
      store_some(to + v * L, value, table.width - v * L);
    }
    for (int copy = 1; copy < at.run; ++copy) {
      __builtin_memcpy(to + int64_t(copy) * table.width, to, sizeof(T) * table.width);
    }
  }
}

template <class T>
void tabulate_each(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                   TabulateScratch<T> scratch) {
  const T *x = args.em_x + begin, *none = nullptr;
  const int n = static_cast<int>(end - begin);
  const Split split = locate_all<0>(args.table, x, none, n, false, scratch.located);
  T* out = args.out + begin * args.table.width;
  each_some<false>(args.table, scratch.located, split.inside, out);
  each_some<true>(args.table, scratch.located + n - split.beyond, split.beyond, out);
}

// dy [width] . dG/dx in one row of the table.
template <class T>
DPONNX_HD T slope_dot(const TableView<T>& table, const T* row, T at, const T* dy) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const V dx = splat<V>(at);
  V total = {};
  for (int v = 0; v < table.n_vectors; ++v, row += 6 * L, dy += L) {
    V a[6], value;
#pragma GCC unroll 6
    for (int k = 0; k < 6; ++k) a[k] = load<V>(row + k * L);
    total += poly5_slope(a, dx, value) * load_some<V>(dy, table.width - v * L);
  }
  return sum<T>(total);
}

template <class T>
void tabulate_each_grad(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                        TabulateScratch<T>) {
  const TableView<T>& table = args.table;
  for (int64_t j = begin; j < end; ++j) {
    const Place<T> at = table.grid.place(args.em_x[j]);
    const T* row = table.coef + at.row * table.row_size;
    args.dem_x[j] = slope_dot(table, row, at.dx, args.dy + j * table.width);
  }
}

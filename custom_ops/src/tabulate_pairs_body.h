// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: tabulation of se_e3, thousands of pairs of neighbours an atom, which fall
// into some dozens of rows. G is linear in its row's coefficients a_k, hence:
//
// 1. Forward: sum_p em[p] G(x[p]) = sum_rows sum_k a_k (sum_{p in row} em[p] dx^k): six moments a
//    row from its pairs, then one pass over the outputs of each row. Pairs with em = 0 add nothing.
// 2. Gradient: dy . G(x[p]) = sum_k (dy . a_k) dx^k: six products a row when it is first met, then
//    a polynomial of one number a pair.
// 3. On the tangent dx^k becomes dx^k + beyond k dx^(k-1), dx at the end of the table.

// products[k] = sum over outputs of dy a_k.
template <class T>
void dot_row(const TableView<T>& table, const T* row, const T* laid_dy, T (&products)[6]) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  V total[6] = {};
  for (int v = 0; v < table.n_vectors; ++v, row += 6 * L, laid_dy += L) {
    const V dy = load<V>(laid_dy);
#pragma GCC unroll 6
    for (int k = 0; k < 6; ++k) total[k] += dy * load<V>(row + k * L);
  }
  sum_each(total, products);
}

/// The rows an atom's pairs have met so far.
template <class T>
struct Shares {
  const TableView<T>& table;
  TabulateScratch<T> scratch;
  int n = 0;

  /// The row's share; is_new if it is met for the first time.
  RowShare<T>& find(int row, bool& is_new) {
    int32_t& index = scratch.share_of_row[row];
    is_new = index < 0;
    if (is_new) {
      index = n;
      scratch.shares[n].row = table.coef + row * table.row_size;
      scratch.shares[n++].number = row;
    }
    return scratch.shares[index];
  }
  /// A row's moments, zeros when it is met for the first time.
  T* moments(int row) {
    bool is_new;
    T* of = find(row, is_new).of;
    if (is_new) __builtin_memset(of, 0, sizeof(T) * 6);
    return of;
  }
  /// A row's products with scratch.dy.
  const T (&products(int row))[6] {
    bool is_new;
    RowShare<T>& share = find(row, is_new);
    if (is_new) dot_row(table, share.row, scratch.dy, share.of);
    return share.of;
  }
  void clear() {
    for (; n > 0; --n) scratch.share_of_row[scratch.shares[n - 1].number] = -1;
  }
};

// Vectors [first, n_vectors) of outputs in blocks of N, what is left in smaller ones.
template <int N, class T>
void sum_rows(const TableView<T>& table, const RowShare<T>* shares, int n, int first, T* out) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  for (; first + N <= table.n_vectors; first += N) {
    V acc[N] = {};
    for (int q = 0; q < n; ++q) {
      const T* p = shares[q].row + int64_t(first) * 6 * L;
#pragma GCC unroll 8
      for (int b = 0; b < N; ++b) {
#pragma GCC unroll 6
        for (int k = 0; k < 6; ++k) acc[b] += load<V>(p + (6 * b + k) * L) * shares[q].of[k];
      }
    }
#pragma GCC unroll 8
    for (int b = 0; b < N; ++b) {
      const int column = (first + b) * L;
      store_some(out + column, acc[b], table.width - column);
    }
  }
  if constexpr (N > 1) sum_rows<N / 2>(table, shares, n, first, out);
}

template <class T>
void tabulate_pairs(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                    TabulateScratch<T> scratch) {
  Shares<T> shares{args.table, scratch};
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t p = i * args.nnei; p < (i + 1) * args.nnei; ++p) {
      const T x = args.em_x[p], em = args.em[p];
      if (em == T(0) && x - x == T(0)) continue;  // what is not finite has to reach the result
      const Place<T> at = args.table.grid.place(x);
      add_moments(at, em, shares.moments(at.row));
    }
    sum_rows<8>(args.table, scratch.shares, shares.n, 0, args.out + i * args.table.width);
    shares.clear();
  }
}

template <class T>
void tabulate_pairs_grad(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                         TabulateScratch<T> scratch) {
  Shares<T> shares{args.table, scratch};
  for (int64_t i = begin; i < end; ++i) {
    lay_dy<1>(args.table, args.dy + i * args.table.width, scratch.dy);
    const T *x = args.em_x + i * args.nnei, *em = args.em + i * args.nnei;
    T *dem_x = args.dem_x + i * args.nnei, *dem = args.dem + i * args.nnei;
    for (int64_t p = 0; p < args.nnei; ++p) {
      if (p > 0 && same_bits(x + p, x + p - 1, 1) && same_bits(em + p, em + p - 1, 1)) {
        dem_x[p] = dem_x[p - 1], dem[p] = dem[p - 1];  // padding
        continue;
      }
      const Place<T> at = args.table.grid.place(x[p]);
      T value;
      const T slope = poly5_slope(shares.products(at.row), at.dx, value);
      dem_x[p] = em[p] * slope;
      dem[p] = value + slope * at.beyond;
    }
    shares.clear();
  }
}

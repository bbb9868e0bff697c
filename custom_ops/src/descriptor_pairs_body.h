// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: se_e3 from coordinates, atom by atom. With R_j = em[1..3] of neighbour j
// and x_jk = R_j . R_k, out = sum_jk scale x_jk G(x_jk) over pairs of neighbours j, k.
//
// 1. Rows of all neighbours as in descriptor_body.h.
// 2. Pairs share the rows of the tables they fall into, as in tabulate_pairs_body.h; all tables
//    lie in one block, so one list of shares serves all pairs of types.
// 3. Two neighbours of one type are one pair, counted twice: x_jk = x_kj.
// Empty slots have R = 0 and add nothing.

// visit(p, q, x, weight, number) for all pairs p, q of neighbours, number the table's.
template <class E, class T, class Visit>
DPONNX_HD void visit_pairs(const DescriptorArgs<E, T>& args, int type, const int* filled,
                           const NeighborRows<E>& rows, const Visit& visit) {
  const E *x = rows.em + rows.stride, *y = x + rows.stride, *z = y + rows.stride;
  const int n_types = args.ntypes;
  int begin_a = 0;
  for (int a = 0; a < n_types; begin_a += filled[a++]) {
    int begin_b = 0;
    for (int b = 0; b < n_types; begin_b += filled[b++]) {
      const int number = args.table_of[(type * n_types + a) * n_types + b];
      if (number < 0) continue;
      for (int p = begin_a; p < begin_a + filled[a]; ++p) {
        for (int q = a == b ? p : begin_b; q < begin_b + filled[b]; ++q) {
          const int weight = a == b && q != p ? 2 : 1;
          const T product = T(x[p]) * T(x[q]) + T(y[p]) * T(y[q]) + T(z[p]) * T(z[q]);
          visit(p, q, product, weight, number);
        }
      }
    }
  }
}

// Rows of all types.
template <bool WithDeriv, class E, class T>
int all_rows(const DescriptorArgs<E, T>& args, int64_t i, const DescriptorScratch<E, T>& scratch) {
  TypeRange range = {0, 0};
  for (int t = 0; t < args.ntypes; ++t) {
    range = type_rows<4, WithDeriv>(args, i, t, range.end, scratch);
  }
  return range.end;
}

template <class E, class T>
void descriptor_pairs(const DescriptorArgs<E, T>& args, int64_t i,
                      const DescriptorScratch<E, T>& scratch) {
  const TableView<T>& block = args.tables[0];
  Shares<T> shares{block, scratch.tabulate};
  if (args.atype[i] >= 0) {
    all_rows<false>(args, i, scratch);
    visit_pairs(args, args.atype[i], scratch.filled, scratch.rows,
                [&](int, int, T x, int weight, int number) {
                  const TableView<T>& table = args.tables[number];
                  const Place<T> at = table.grid.place(x);
                  T* moments = shares.moments(table.first_row + at.row);
                  add_moments(at, T(weight) * args.scale[number] * x, moments);
                  if (scratch.overflow) {
                    count_overflow(table.grid, x, weight, scratch.overflow + 2 * number);
                  }
                });
  }
  sum_rows<8>(block, scratch.tabulate.shares, shares.n, 0, args.out + i * block.width);
  shares.clear();
}

template <class E, class T>
void descriptor_pairs_grad(const DescriptorArgs<E, T>& args, int64_t i,
                           const DescriptorScratch<E, T>& scratch, const PairSums<E>& sums) {
  if (args.atype[i] < 0) return;
  const TableView<T>& block = args.tables[0];
  const NeighborRows<E>& rows = scratch.rows;
  Shares<T> shares{block, scratch.tabulate};
  const int n = all_rows<true>(args, i, scratch);
  lay_dy<1>(block, args.dy + i * block.width, scratch.tabulate.dy);
  for (int c = 0; c < 4; ++c) __builtin_memset(rows.grad + c * rows.stride, 0, sizeof(E) * n);
  visit_pairs(args, args.atype[i], scratch.filled, rows,
              [&](int p, int q, T x, int weight, int number) {
                const TableView<T>& table = args.tables[number];
                const Place<T> at = table.grid.place(x);
                T value;
                const int row = table.first_row + at.row;
                const T slope = poly5_slope(shares.products(row), at.dx, value);
                value += slope * at.beyond;
                const T by_x = T(weight) * args.scale[number] * (value + x * slope);
                for (int c = 1; c < 4; ++c) {
                  E *em = rows.em + c * rows.stride, *grad = rows.grad + c * rows.stride;
                  grad[p] += E(by_x) * em[q];
                  grad[q] += E(by_x) * em[p];
                }
              });
  shares.clear();
  neighbor_forces<4>(args, scratch);
  add_pairs(args, i, scratch, sums);
}

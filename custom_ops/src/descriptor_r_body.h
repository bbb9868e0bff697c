// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: se_e2_r, out = sum over neighbours j of scale G(x_j). Neighbours share
// the rows of the tables they fall into, as pairs do in tabulate_pairs_body.h.

template <class E, class T>
void descriptor_r(const DescriptorArgs<E, T>& args, int64_t i,
                  const DescriptorScratch<E, T>& scratch) {
  const TableView<T>& block = args.tables[0];
  Shares<T> shares{block, scratch.tabulate};
  if (args.atype[i] >= 0) {
    const auto add = [&](int, const Place<T>& at, const T*, int number, int weight) {
      const TableView<T>& table = args.tables[number];
      T* moments = shares.moments(row_in_block(block, table, at.row));
      add_moments(at, T(weight) * args.scale[number], moments);
    };
    visit_neighbors<1, true>(args, i, scratch, add);
  }
  sum_rows<8>(block, scratch.tabulate.shares, shares.n, 0, args.out + i * block.width);
  shares.clear();
}

template <class E, class T>
void descriptor_r_grad(const DescriptorArgs<E, T>& args, int64_t i,
                       const DescriptorScratch<E, T>& scratch, const PairSums<E>& sums) {
  if (args.atype[i] < 0) return;
  const TableView<T>& block = args.tables[0];
  Shares<T> shares{block, scratch.tabulate};
  lay_dy<1>(block, args.dy + i * block.width, scratch.tabulate.dy);
  const auto add = [&](int p, const Place<T>& at, const T*, int number, int) {
    const TableView<T>& table = args.tables[number];
    const T(&products)[6] = shares.products(row_in_block(block, table, at.row));
    T value;
    scratch.rows.grad[p] = E(args.scale[number] * poly5_slope(products, at.dx, value));
  };
  visit_neighbors<1, false>(args, i, scratch, add);
  shares.clear();
  neighbor_forces<1>(args, scratch);
  add_pairs(args, i, scratch, sums);
}

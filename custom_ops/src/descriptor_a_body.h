// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: the gradient of se_e2_a, row of the tables by row (the sum itself is
// descriptor_sum in descriptor_body.h).

template <class E, class T>
void descriptor_a_grad(const DescriptorArgs<E, T>& args, int64_t i,
                       const DescriptorScratch<E, T>& scratch, const PairSums<E>& sums) {
  if (args.atype[i] < 0) return;
  const TableView<T>& block = args.tables[0];
  const NeighborRows<E>& rows = scratch.rows;
  const T* dy = scratch.tabulate.dy;
  lay_dy<4>(block, args.dy + i * 4 * block.width, scratch.tabulate.dy);
  Grouping<T> grouping{scratch.groups};
  const auto add = [&](int p, const Place<T>& place, const T* em, int number, int) {
    Located<T>& at = grouping.add(args.tables[number], place);
    for (int c = 0; c < 4; ++c) at.em[c] = em[c];
    at.first = p;
    at.scale = args.scale[number];
  };
  visit_neighbors<4, false>(args, i, scratch, add);
  const auto put = [&](const Located<T>& at, const NeighborGrad<T>& grad) {
    for (int c = 0; c < 4; ++c) {
      const T by_em = c == 0 ? grad.em[c] + grad.x : grad.em[c];
      rows.grad[c * rows.stride + at.first] = E(at.scale * by_em);
    }
  };
  const Located<T>* alone = nullptr;  // in its row, waiting for another one
  for (int g = 0; g < grouping.n_groups; ++g) {
    const RowGroup& group = scratch.groups.groups[g];
    const Located<T>& at = scratch.groups.entries[group.last];
    if (group.count > 1) {
      T products[6][4];
      for (int c = 0; c < 4; c += kDotBlock) {
        dot_group<kDotBlock>(at.row, block.n_vectors, dy, c, products);
      }
      grouping.for_members(group, [&](int q) {
        const Located<T>& member = scratch.groups.entries[q];
        put(member, grad_of_member(member, products));
      });
    } else if (at.beyond != T(0)) {
      put(at, grad_one<true>(at, block.n_vectors, dy));
    } else if (!alone) {
      alone = &at;
    } else {
      NeighborGrad<T> grad[2];
      grad_two({alone, &at}, block.n_vectors, dy, grad);
      put(*alone, grad[0]);
      put(at, grad[1]);
      alone = nullptr;
    }
  }
  if (alone) put(*alone, grad_one<false>(*alone, block.n_vectors, dy));
  grouping.clear();
  neighbor_forces<4>(args, scratch);
  add_pairs(args, i, scratch, sums);
}

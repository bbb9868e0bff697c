// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: what the fused descriptors share, from coordinates, atom by atom.
//
// 1. Rows of the environment matrix of the atom's real neighbours, one lane a neighbour, type by
//    type (type_rows); each is looked up in the table of its pair of types (visit_neighbors).
// 2. Forward: sums over neighbours. The empty slots of a type are one more neighbour, counted as
//    often as there are slots.
// 3. Gradient: the same rows again, with derivatives, rather than memory for them; dE/d em of each
//    neighbour; force on each, one lane a neighbour (neighbor_forces); then the sums (add_pairs).
//
// The gradient of se_e2_a is in descriptor_a_body.h, se_e3 in descriptor_pairs_body.h.

/// The neighbours of one type: [begin, end) of the packed rows.
struct TypeRange {
  int begin, end;
};

template <int C, bool WithDeriv, class E>
void row_block(const ListArgs<E>& args, int64_t i, const int32_t* list, int count,
               const PairKind<E>& kind, const NeighborRows<E>& rows, int at) {
  using V = Wide<E>;
  V d[3], row[C], deriv[3 * C];
  differences(args, i, list, count, d);
  env_row<E>(d, args.cut, row, deriv);
  for (int k = 0; k < 3; ++k) store(rows.d + k * rows.stride + at, d[k]);
  for (int c = 0; c < C; ++c) {
    store(rows.em + c * rows.stride + at, (row[c] - kind.avg[c]) * kind.inv_std[c]);
    if constexpr (WithDeriv) {
      for (int k = 0; k < 3; ++k) {
        const int m = 3 * c + k;
        store(rows.deriv + m * rows.stride + at, deriv[m] * kind.inv_std[c]);
      }
    }
  }
}

// The rows of type t, which follow those of the types before it.
template <int C, bool WithDeriv, class E, class T>
TypeRange type_rows(const DescriptorArgs<E, T>& args, int64_t i, int t, int begin,
                    const DescriptorScratch<E, T>& scratch) {
  constexpr int L = lanes<E, Wide<E>>;
  const PairKind<E>& kind = args.kinds[args.atype[i] * args.ntypes + t];
  const int32_t* list = scratch.slots + args.sec[t];
  const int n = scratch.filled[t];
  for (int k = 0; k < n; k += L) {
    const int count = n - k < L ? n - k : L;
    row_block<C, WithDeriv>(args, i, list + k, count, kind, scratch.rows, begin + k);
  }
  return {begin, begin + n};
}

template <class T>
void count_overflow(const TableGrid<T>& grid, T x, int weight, int64_t* counts) {
  counts[0] += weight * grid.is_coarse(x);
  counts[1] += weight * grid.is_outside(x);
}

// places of the inputs em[0] of one type's neighbours, one lane each.
template <class E, class T>
void place_range(const TableGrid<T>& grid, const DescriptorScratch<E, T>& scratch,
                 TypeRange range) {
  using V = Wide<T>;
  const int64_t stride = scratch.rows.stride;
  T* x = scratch.places;
  for (int p = range.begin; p < range.end; ++p) x[p] = T(scratch.rows.em[p]);
  for (int p = range.begin; p < range.end; p += lanes<T, V>) {
    V row, dx, beyond;
    grid.place_lanes(load<V>(x + p), row, dx, beyond);
    store(x + stride + p, row);
    store(x + 2 * stride + p, dx);
    store(x + 3 * stride + p, beyond);
  }
}

// visit(p, place, em, number, weight) for each neighbour that has a table: p its number in the
// rows, place that of em[0] in its table, em [C] its row, number its table's, weight 1. Forward
// also for empty slots: p = -1, weight their number.
template <int C, bool Forward, class E, class T, class Visit>
DPONNX_HD void visit_neighbors(const DescriptorArgs<E, T>& args, int64_t i,
                               const DescriptorScratch<E, T>& scratch, const Visit& visit) {
  const NeighborRows<E>& rows = scratch.rows;
  TypeRange range = {0, 0};
  for (int t = 0; t < args.ntypes; ++t) {
    range = type_rows<C, !Forward>(args, i, t, range.end, scratch);
    const PairKind<E>& kind = args.kinds[args.atype[i] * args.ntypes + t];
    if (kind.table < 0) {
      for (int c = 0; c < C; ++c) {
        E* grad = rows.grad + c * rows.stride;
        for (int p = range.begin; p < range.end; ++p) grad[p] = E(0);
      }
      continue;
    }
    const TableGrid<T>& grid = args.tables[kind.table].grid;
    place_range(grid, scratch, range);
    T em[C];
    for (int p = range.begin; p < range.end; ++p) {
      for (int c = 0; c < C; ++c) em[c] = T(rows.em[c * rows.stride + p]);
      const T* at = scratch.places + rows.stride + p;
      visit(p, Place<T>{static_cast<int>(at[0]), at[rows.stride], at[2 * rows.stride]}, em,
            kind.table, 1);
      if (Forward && scratch.overflow) {
        count_overflow(grid, em[0], 1, scratch.overflow + 2 * kind.table);
      }
    }
    const int empty = args.sec[t + 1] - args.sec[t] - scratch.filled[t];
    if (!Forward || empty == 0) continue;
    for (int c = 0; c < C; ++c) em[c] = T((E(0) - kind.avg[c]) * kind.inv_std[c]);
    visit(-1, grid.place(em[0]), em, kind.table, empty);
  }
}

// out = sum over neighbours j of scale em_j (outer) G(em_j[0]) in se_e2_a, C = 4; of scale
// G(em_j[0]) in se_e2_r, C = 1.
template <int C, class E, class T>
void descriptor_sum(const DescriptorArgs<E, T>& args, int64_t i,
                    const DescriptorScratch<E, T>& scratch) {
  Located<T>* located = scratch.tabulate.located;
  const int capacity = args.sec[args.ntypes] + args.ntypes;
  Split split = {0, 0};
  if (args.atype[i] >= 0) {
    const auto add = [&](int, const Place<T>& place, const T* em, int number, int weight) {
      const bool inside = place.beyond == T(0);
      Located<T>& at = located[inside ? split.inside++ : capacity - ++split.beyond];
      const TableView<T>& table = args.tables[number];
      at.row = table.coef + place.row * table.row_size;
      at.dx = place.dx;
      at.beyond = place.beyond;
      const T factor = T(weight) * args.scale[number];
      for (int c = 0; c < C; ++c) at.em[c] = C == 1 ? factor : factor * em[c];
    };
    visit_neighbors<C, true>(args, i, scratch, add);
  }
  const int width = args.tables[0].width;
  sum_located<C>(LocatedAtom<T>{located, capacity, split}, width, args.out + i * C * width);
}

// Forces on the atom's neighbours, one lane each, from dE/d em.
template <int C, class E, class T>
void neighbor_forces(const DescriptorArgs<E, T>& args, const DescriptorScratch<E, T>& scratch) {
  using V = Wide<E>;
  const NeighborRows<E>& rows = scratch.rows;
  int n = 0;
  for (int t = 0; t < args.ntypes; ++t) n += scratch.filled[t];
  for (int p = 0; p < n; p += lanes<E, V>) {
    V grad[C], deriv[3 * C], f[3];
    for (int c = 0; c < C; ++c) grad[c] = load<V>(rows.grad + c * rows.stride + p);
    for (int m = 0; m < 3 * C; ++m) deriv[m] = load<V>(rows.deriv + m * rows.stride + p);
    pair_force<C>(grad, deriv, f);
    for (int k = 0; k < 3; ++k) store(rows.force + k * rows.stride + p, f[k]);
  }
}

// Adds the forces on the atom's neighbours, and their opposite on the atom.
template <class E, class T>
void add_pairs(const DescriptorArgs<E, T>& args, int64_t i, const DescriptorScratch<E, T>& scratch,
               const PairSums<E>& sums) {
  const NeighborRows<E>& rows = scratch.rows;
  E centre[3] = {}, total[9] = {};
  int p = 0;
  for (int t = 0; t < args.ntypes; ++t) {
    const int32_t* list = scratch.slots + args.sec[t];
    for (int k = 0; k < scratch.filled[t]; ++k, ++p) {
      const int64_t j = list[k];
      E f[3], d[3];
      for (int a = 0; a < 3; ++a) {
        f[a] = rows.force[a * rows.stride + p], d[a] = rows.d[a * rows.stride + p];
        sums.force[3 * j + a] += f[a];
        centre[a] -= f[a];
      }
      for (int a = 0; a < 3; ++a) {
        for (int b = 0; b < 3; ++b) {
          total[3 * a + b] += f[a] * d[b];
          if (sums.atom_virial) sums.atom_virial[9 * j + 3 * a + b] += f[a] * d[b];
        }
      }
    }
  }
  for (int a = 0; a < 3; ++a) sums.force[3 * i + a] += centre[a];
  for (int k = 0; k < 9; ++k) sums.virial[k] += total[k];
}

template <class E, class T>
void descriptor_r_grad(const DescriptorArgs<E, T>& args, int64_t i,
                       const DescriptorScratch<E, T>& scratch, const PairSums<E>& sums) {
  if (args.atype[i] < 0) return;
  const T* dy = args.dy + i * args.tables[0].width;
  const auto add = [&](int p, const Place<T>& place, const T*, int number, int) {
    const TableView<T>& table = args.tables[number];
    const T* row = table.coef + place.row * table.row_size;
    scratch.rows.grad[p] = E(args.scale[number] * slope_dot(table, row, place.dx, dy));
  };
  visit_neighbors<1, false>(args, i, scratch, add);
  neighbor_forces<1>(args, scratch);
  add_pairs(args, i, scratch, sums);
}

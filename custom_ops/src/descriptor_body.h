// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: se_e2_a (C = 4) and se_e2_r (C = 1) from coordinates, atom by atom.
//
// 1. Rows of the environment matrix of the atom's real neighbours, one lane a neighbour, type by
//    type; each located in the table of its pair of types.
// 2. Forward: one sweep over all neighbours of all types (sum_neighbors). The empty slots of a
//    type are one more neighbour, counted as often as there are slots.
// 3. Gradient: the same rows again, with derivatives, rather than memory for them; dE/d em of each
//    neighbour; force on each, one lane a neighbour; then the sums.

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

/// Located neighbours, from the front those inside the table, from the back those beyond it.
template <class T>
struct LocatedList {
  Located<T>* located;
  int capacity;
  Split split = {0, 0};

  Located<T>& add(const TableView<T>& table, T x) {
    const Place<T> place = table.grid.place(x);
    const bool inside = place.beyond == T(0);
    Located<T>& at = inside ? located[split.inside++] : located[capacity - ++split.beyond];
    at.row = table.coef + place.row * table.row_size;
    at.dx = place.dx;
    at.beyond = place.beyond;
    return at;
  }
};

template <int C, class E, class T>
void descriptor(const DescriptorArgs<E, T>& args, int64_t i,
                const DescriptorScratch<E, T>& scratch) {
  const NeighborRows<E>& rows = scratch.rows;
  const int capacity = args.sec[args.ntypes] + args.ntypes;
  LocatedList<T> list = {scratch.tabulate.located, capacity};
  T* out = args.out + i * C * args.tables[0].width;
  if (args.atype[i] < 0) {
    __builtin_memset(out, 0, sizeof(T) * C * args.tables[0].width);
    return;
  }
  TypeRange range = {0, 0};
  for (int t = 0; t < args.ntypes; ++t) {
    range = type_rows<C, false>(args, i, t, range.end, scratch);
    const PairKind<E>& kind = args.kinds[args.atype[i] * args.ntypes + t];
    if (kind.table < 0) continue;
    const TableView<T>& table = args.tables[kind.table];
    const T scale = args.scale[kind.table];
    for (int p = range.begin; p < range.end; ++p) {
      const T x = T(rows.em[p]);
      Located<T>& at = list.add(table, x);
      for (int c = 0; c < C; ++c) {
        at.em[c] = C == 1 ? scale : scale * T(rows.em[c * rows.stride + p]);
      }
      if (scratch.overflow) {
        count_overflow(table.grid, x, 1, scratch.overflow + 2 * kind.table);
      }
    }
    const int empty = args.sec[t + 1] - args.sec[t] - scratch.filled[t];
    if (empty == 0) continue;
    T padding[C];
    for (int c = 0; c < C; ++c) padding[c] = T((E(0) - kind.avg[c]) * kind.inv_std[c]);
    Located<T>& at = list.add(table, padding[0]);
    for (int c = 0; c < C; ++c) at.em[c] = T(empty) * scale * (C == 1 ? T(1) : padding[c]);
  }
  sum_neighbors<C>(LocatedAtom<T>{list.located, capacity, list.split}, args.tables[0].width, out);
}

// Forces on the neighbours of one type, one lane each, from dE/d em.
template <int C, class E>
void range_forces(const NeighborRows<E>& rows, TypeRange range, E scale) {
  using V = Wide<E>;
  for (int p = range.begin; p < range.end; p += lanes<E, V>) {
    V grad[C], deriv[3 * C], f[3];
    for (int c = 0; c < C; ++c) grad[c] = load<V>(rows.grad + c * rows.stride + p);
    for (int m = 0; m < 3 * C; ++m) deriv[m] = load<V>(rows.deriv + m * rows.stride + p);
    pair_force<C>(grad, deriv, f);
    for (int k = 0; k < 3; ++k) store(rows.force + k * rows.stride + p, f[k] * scale);
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

// dE/d em of the neighbours in one range.
template <int C, class E, class T>
void range_grads(const TableView<T>& table, const NeighborRows<E>& rows, TypeRange range,
                 const T* dy, const T* laid_dy) {
  for (int p = range.begin; p < range.end; ++p) {
    const Place<T> place = table.grid.place(T(rows.em[p]));
    const T* row = table.coef + place.row * table.row_size;
    if constexpr (C == 1) {
      rows.grad[p] = slope_dot(table, row, place.dx, dy);
    } else {
      Located<T> at = {row, place.dx, place.beyond, {}, 0, 1};
      for (int c = 0; c < C; ++c) at.em[c] = T(rows.em[c * rows.stride + p]);
      const NeighborGrad<T> grad = place.beyond == T(0)
                                       ? grad_one<false>(at, table.n_vectors, laid_dy)
                                       : grad_one<true>(at, table.n_vectors, laid_dy);
      for (int c = 0; c < C; ++c) rows.grad[c * rows.stride + p] = grad.em[c];
      rows.grad[p] += grad.x;
    }
  }
}

template <int C, class E, class T>
void descriptor_grad(const DescriptorArgs<E, T>& args, int64_t i,
                     const DescriptorScratch<E, T>& scratch, const PairSums<E>& sums) {
  if (args.atype[i] < 0) return;
  const T* dy = args.dy + i * C * args.tables[0].width;
  if constexpr (C > 1) lay_dy<C>(args.tables[0], dy, scratch.tabulate.dy);
  TypeRange range = {0, 0};
  for (int t = 0; t < args.ntypes; ++t) {
    range = type_rows<C, true>(args, i, t, range.end, scratch);
    const int number = args.kinds[args.atype[i] * args.ntypes + t].table;
    if (number < 0) {
      for (int k = 0; k < 3; ++k) {
        E* force = scratch.rows.force + k * scratch.rows.stride;
        for (int p = range.begin; p < range.end; ++p) force[p] = E(0);
      }
      continue;
    }
    range_grads<C>(args.tables[number], scratch.rows, range, dy, scratch.tabulate.dy);
    range_forces<C>(scratch.rows, range, E(args.scale[number]));
  }
  add_pairs(args, i, scratch, sums);
}

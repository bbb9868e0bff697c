// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: neighbours of one atom that fall into one row of a table share its work.
//
// G is linear in the row's coefficients a_k: dy . G(x) = sum_k (dy . a_k) dx^k. For n neighbours in
// one row that is 24 multiplications an output, and polynomials of numbers; one by one it is 17 n.
// In water at 6 angstrom 89 neighbours of an atom fall into 57 rows of tables of step 0.01.

/// Components of dy at a time: 6 accumulators each have to stay in registers.
constexpr int kDotBlock = DPONNX_BLOCK < 4 ? 2 : 4;

/// Located neighbours by row: members of a group are linked through next, the last one added first.
template <class T>
struct Grouping {
  const RowGroups<T>& memory;
  int n_groups = 0, n_entries = 0;

  /// One more neighbour, in this row of this table; the caller fills its em.
  Located<T>& add(const TableView<T>& block, const TableView<T>& table, const Place<T>& place) {
    const int row = row_in_block(block, table, place.row);
    // No branches: whether a row is new is as good as random.
    const int32_t known = memory.group_of_row[row];
    const bool is_new = known < 0;
    const int32_t index = is_new ? n_groups : known;
    n_groups += is_new;
    memory.group_of_row[row] = index;
    RowGroup& group = memory.groups[index];
    memory.next[n_entries] = is_new ? -1 : group.last;
    group = {row, is_new ? 1 : group.count + 1, n_entries};
    Located<T>& at = memory.entries[n_entries++];
    at.row = block.coef + int64_t(row) * block.row_size;
    at.dx = place.dx;
    at.beyond = place.beyond;
    return at;
  }

  template <class F>
  DPONNX_HD void for_members(const RowGroup& group, const F& f) const {
    for (int q = group.last; q >= 0; q = memory.next[q]) f(q);
  }

  void clear() {
    for (int g = 0; g < n_groups; ++g) memory.group_of_row[memory.groups[g].row] = -1;
    n_groups = n_entries = 0;
  }
};

// products[c][k] = sum over outputs of dy_c a_k, for N of the components c of dy, from the first
// on.
template <int N, class T>
DPONNX_HD void dot_group(const T* row, int n_vectors, const T* laid_dy, int first, T* products) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  V total[6 * N] = {};
  const T* dy = laid_dy + first * L;
  for (int v = 0; v < n_vectors; ++v, row += 6 * L, dy += 4 * L) {
    V of_dy[N];
#pragma GCC unroll 4
    for (int c = 0; c < N; ++c) of_dy[c] = load<V>(dy + c * L);
#pragma GCC unroll 6
    for (int k = 0; k < 6; ++k) {
      const V a = load<V>(row + k * L);
#pragma GCC unroll 4
      for (int c = 0; c < N; ++c) total[6 * c + k] += of_dy[c] * a;
    }
  }
  sum_each(total, products + 6 * first);
}

// The gradient of one member of a group.
template <class T>
DPONNX_HD NeighborGrad<T> grad_of_member(const Located<T>& at, const T (&products)[4][6]) {
  NeighborGrad<T> grad = {{}, T(0)};
  for (int c = 0; c < 4; ++c) {
    T value;
    const T slope = poly5_slope(products[c], at.dx, value);
    grad.em[c] = value + slope * at.beyond;
    grad.x += at.em[c] * slope;
  }
  return grad;
}

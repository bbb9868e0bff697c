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
  Located<T>& add(const TableView<T>& table, const Place<T>& place) {
    const int row = table.first_row + place.row;
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
    at.row = table.coef + place.row * table.row_size;
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

/// The four components of dy, one a lane.
template <class T>
using Four = typename Vec<T, 4 * sizeof(T)>::type;

// products[k][c] = sum over outputs of dy_c a_k, for N of the components c of dy, from the first
// on.
template <int N, class T>
DPONNX_HD void dot_group(const T* row, int n_vectors, const T* laid_dy, int first,
                         T (&products)[6][4]) {
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
      for (int c = 0; c < N; ++c) total[N * k + c] += of_dy[c] * a;
    }
  }
  if constexpr (N == 4) {
    sum_each(total, products[0]);
  } else {
    T sums[6 * N];
    sum_each(total, sums);
    for (int k = 0; k < 6; ++k) {
      for (int c = 0; c < N; ++c) products[k][first + c] = sums[N * k + c];
    }
  }
}

// The gradients of two neighbours inside the table, each alone in its row: as grad_one, but dy is
// read once for both.
template <class T>
DPONNX_HD void grad_two(const Located<T>* const (&at)[2], int n_vectors, const T* dy,
                        NeighborGrad<T> (&grad)[2]) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const T *row0 = opaque(at[0]->row), *row1 = opaque(at[1]->row);
  const V dx[2] = {splat<V>(at[0]->dx), splat<V>(at[1]->dx)};
  V total[10] = {};  // value by each of dy, and by_x, of the first; of the second
  for (int v = 0; v < n_vectors; ++v, row0 += 6 * L, row1 += 6 * L, dy += 4 * L) {
    V of_dy[4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) of_dy[c] = load<V>(dy + c * L);
#pragma GCC unroll 2
    for (int q = 0; q < 2; ++q) {
      V a[6], value;
#pragma GCC unroll 6
      for (int k = 0; k < 6; ++k) a[k] = load<V>((q ? row1 : row0) + k * L);
      const V slope = poly5_slope(a, dx[q], value);
      const T* em = at[q]->em;
      total[5 * q + 4] +=
          slope * (of_dy[0] * em[0] + of_dy[1] * em[1] + of_dy[2] * em[2] + of_dy[3] * em[3]);
#pragma GCC unroll 4
      for (int c = 0; c < 4; ++c) total[5 * q + c] += of_dy[c] * value;
    }
  }
  T sums[10];
  sum_each(total, sums);
  for (int q = 0; q < 2; ++q) {
    const T* of = sums + 5 * q;
    grad[q] = {{of[0], of[1], of[2], of[3]}, of[4]};
  }
}

// The gradient of one member of a group.
template <class T>
DPONNX_HD NeighborGrad<T> grad_of_member(const Located<T>& at, const T (&products)[6][4]) {
  using V = Four<T>;
  V a[6], value;
  for (int k = 0; k < 6; ++k) a[k] = load<V>(products[k]);
  const V slope = poly5_slope(a, splat<V>(at.dx), value);
  NeighborGrad<T> grad;
  store(grad.em, V(value + slope * at.beyond));
  grad.x = sum<T>(V(slope * load<V>(at.em)));
  return grad;
}

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "descriptor_kernels.h"

/// se_e3, a warp an atom. With R_j = em[1..3] of neighbour j and x_jk = R_j . R_k:
///
/// 1. R of all neighbours, one a lane, kept in memory of the device.
/// 2. 32 pairs at a time, one neighbour with 32 others of one type, one pair a lane: x, located in
///    the table. Two neighbours of one type are one pair, counted twice.
/// 3. Forward: one pair after the other, the lanes evaluate the table and add x times that. Tables
///    of few outputs take several pairs at once: `width` lanes a pair (PairLanes).
/// 4. Gradient: their products with dy are summed; then, again one pair a lane, what R of both
///    neighbours gets. The one's share is summed over the warp, the others' in registers.
namespace dponnx::cuda {

namespace {

constexpr int kWarps = 4, kThreads = kWarps * kLanes;

/// The number of this atom's first neighbour of the type.
template <class E, class T>
__device__ int first_of_type(const AtomGroup<E, T>& atoms, int64_t row, int type) {
  int first = 0;
  for (int t = 0; t < type; ++t) first += atoms.filled[row * atoms.ntypes + t];
  return first;
}

/// One lane's pair: the neighbour `one` that all lanes have, and another of the lane's own.
template <class E, class T>
struct Pair {
  int table, weight;  ///< weight 0: no pair
  int one;
  E r_one[3], r_other[3];
  T x;
};

/// Step 2, for the lane's neighbour `other` of type b and all of type a: body(pair).
template <class E, class T, class Body>
__device__ void for_pairs_with(const AtomGroup<E, T>& atoms, int64_t row, int a, int b, int other,
                               Pair<E, T>& pair, const Body& body) {
  const int type = atoms.atype[atoms.first + row];
  pair.table = atoms.table_of[(type * atoms.ntypes + a) * atoms.ntypes + b];
  if (pair.table < 0) return;
  const int n_a = atoms.filled[row * atoms.ntypes + a], n_b = atoms.filled[row * atoms.ntypes + b];
  const int last_lane = other - lane_of_warp() + kLanes;
  const int end = a == b && last_lane < n_a ? last_lane : n_a;
  const int first_a = first_of_type(atoms, row, a);
  for (int one = 0; one < end; ++one) {
    pair.one = first_a + one;
    pair.weight = other >= n_b || (a == b && one > other) ? 0 : a == b && one != other ? 2 : 1;
    pair.x = T(0);
    for (int k = 0; k < 3; ++k) {
      pair.r_one[k] = atoms.rows[(row * atoms.nnei + pair.one) * 3 + k];
      pair.x += T(pair.r_one[k]) * T(pair.r_other[k]);
    }
    body(pair);
  }
}

/// Steps 2 to 4: body(pair) for all pairs of an atom, 32 at a time; done(other, r_other) after the
/// last pair of each neighbour `other`, -1 for lanes that had none.
template <class E, class T, class Body, class Done>
__device__ void for_all_pairs(const AtomGroup<E, T>& atoms, int64_t row, const Body& body,
                              const Done& done) {
  if (!is_real(atoms, atoms.first + row)) return;
  for (int b = 0; b < atoms.ntypes; ++b) {
    const int n_b = atoms.filled[row * atoms.ntypes + b], first_b = first_of_type(atoms, row, b);
    for (int begin = 0; begin < n_b; begin += kLanes) {
      const int other = begin + lane_of_warp();
      Pair<E, T> pair = {};
      for (int k = 0; k < 3 && other < n_b; ++k) {
        pair.r_other[k] = atoms.rows[(row * atoms.nnei + first_b + other) * 3 + k];
      }
      for (int a = 0; a < atoms.ntypes; ++a) for_pairs_with(atoms, row, a, b, other, pair, body);
      done(other < n_b ? first_b + other : -1);
    }
  }
}

template <class E, class T>
__device__ Entry<T, 1> pair_entry(const AtomGroup<E, T>& atoms, const Pair<E, T>& pair) {
  Entry<T, 1> entry = {};
  entry.row = -1;
  if (pair.weight > 0) locate(atoms, pair.table, pair.x, pair.weight, entry);
  entry.em[0] = entry.factor * pair.x;
  return entry;
}

/// How lanes share the outputs of 32 / lanes pairs at a time: each has kColumns of one pair.
struct PairLanes {
  int lanes;  ///< a pair: 8, 16 or 32

  __device__ explicit PairLanes(int width) : lanes(width <= 8 ? 8 : width <= 16 ? 16 : 32) {}
  __device__ int at_once() const { return kLanes / lanes; }
  __device__ int pair() const { return lane_of_warp() / lanes; }  ///< of those at once
  __device__ int lane() const { return lane_of_warp() % lanes; }  ///< within the pair
  __device__ int columns() const { return kColumns * lanes; }
};

/// The six coefficients of an output.
template <class T>
__device__ void load_output(const TableView<T>& block, int row, int column, T (&a)[6]) {
  const T* p = block.coef + row * block.row_size + column;
  DPONNX_UNROLL
  for (int k = 0; k < 6; ++k) a[k] = p[k * block.width];
}

/// Columns [first, first + split.columns()) of the descriptor of one atom.
template <class E, class T>
__device__ void sum_pairs_of_atom(const AtomGroup<E, T>& atoms, int64_t row, PairLanes split,
                                  int first, Entry<T, 1>* entries) {
  const TableView<T>& block = atoms.block;
  T total[kColumns] = {};
  const auto add = [&](const Pair<E, T>& pair) {
    entries[lane_of_warp()] = pair_entry(atoms, pair);
    if (atoms.overflow && first == 0 && pair.weight > 0) {
      count_overflow(atoms.tables, pair.table, pair.x, pair.weight, atoms.overflow);
    }
    __syncwarp();
    for (int q = split.pair(); q < kLanes; q += split.at_once()) {
      const Entry<T, 1>& entry = entries[q];
      if (entry.row < 0) continue;
      DPONNX_UNROLL
      for (int b = 0; b < kColumns; ++b) {
        const int column = first + split.lane() + b * split.lanes;
        if (column >= block.width) continue;
        T a[6];
        load_output(block, entry.row, column, a);
        total[b] += entry.em[0] * value_at(a, entry.dx, entry.beyond);
      }
    }
    __syncwarp();
  };
  for_all_pairs(atoms, row, add, [](int) {});
  for (int b = 0; b < kColumns; ++b) {
    for (int bits = split.lanes; bits < kLanes; bits *= 2) {
      total[b] += __shfl_xor_sync(kAllLanes, total[b], bits);
    }
    const int column = first + split.lane() + b * split.lanes;
    T* out = atoms.out + (atoms.first + row) * block.width;
    if (split.pair() == 0 && column < block.width) out[column] = total[b];
  }
}

template <class E, class T>
__global__ void __launch_bounds__(kThreads) sum_pairs_of_atoms(AtomGroup<E, T> atoms) {
  __shared__ Entry<T, 1> entries[kWarps][kLanes];
  const PairLanes split(atoms.block.width);
  const int parts = (atoms.block.width + split.columns() - 1) / split.columns();
  for (int64_t item = warp_of_grid(); item < atoms.count * parts; item += warps_of_grid()) {
    const int first = static_cast<int>(item % parts) * split.columns();
    sum_pairs_of_atom(atoms, item / parts, split, first, entries[warp_of_block()]);
  }
}

/// dy . G and dy . G' of one pair.
template <class T>
struct Products {
  T value, slope;
};

template <class T>
struct PairMemory {
  Entry<T, 1> entries[kLanes];
  Products<T> products[kLanes];
};

/// The first half of the pair's lanes gets the sum of `value` over all of them, the second of
/// `slope`.
template <class T>
__device__ T sum_products(const PairLanes& split, const Products<T>& mine) {
  const int half = split.lanes / 2;
  const bool upper = split.lane() >= half;
  const T give = upper ? mine.value : mine.slope;
  T total = (upper ? mine.slope : mine.value) + __shfl_xor_sync(kAllLanes, give, half);
  for (int bits = half / 2; bits > 0; bits /= 2) {
    total += __shfl_xor_sync(kAllLanes, total, bits);
  }
  return total;
}

/// Fills memory.products from memory.entries.
template <class T>
__device__ void multiply_pairs(const TableView<T>& block, const T* dy, const PairLanes& split,
                               PairMemory<T>& memory) {
  for (int base = 0; base < kLanes; base += split.at_once()) {
    const int q = base + split.pair();
    const Entry<T, 1>& entry = memory.entries[q];
    Products<T> mine = {};
    for (int column = split.lane(); column < block.width && entry.row >= 0; column += split.lanes) {
      T a[6], value;
      load_output(block, entry.row, column, a);
      const T slope = slope_at(a, entry.dx, entry.beyond, value);
      mine.value += dy[column] * value;
      mine.slope += dy[column] * slope;
    }
    const T total = sum_products(split, mine);
    if (split.lane() == 0) memory.products[q].value = total;
    if (split.lane() == split.lanes / 2) memory.products[q].slope = total;
  }
}

template <class E, class T>
__device__ void gradient_of_atom(const AtomGroup<E, T>& atoms, int64_t row, PairMemory<T>& memory) {
  const int lane = lane_of_warp();
  const PairLanes split(atoms.block.width);
  const T* dy = atoms.dy + (atoms.first + row) * atoms.block.width;
  E* grad = atoms.grad + row * atoms.nnei * 4;
  for (int m = lane; m < 4 * count_neighbors(atoms, row); m += kLanes) grad[m] = E(0);
  __syncwarp();
  E of_other[3] = {};
  const auto add = [&](const Pair<E, T>& pair) {
    const Entry<T, 1> entry = memory.entries[lane] = pair_entry(atoms, pair);
    __syncwarp();
    multiply_pairs(atoms.block, dy, split, memory);
    __syncwarp();
    const Products<T>& products = memory.products[lane];
    const E by_x = E(entry.factor * (products.value + pair.x * products.slope));
    E of_one[4] = {};
    for (int k = 0; k < 3 && pair.weight > 0; ++k) {
      of_other[k] += by_x * pair.r_one[k];
      of_one[k] = by_x * pair.r_other[k];
    }
    const E total = warp_sum_each(of_one);
    const int k = lane / 8;  // the sum this lane has
    if (lane % 8 == 0 && k < 3) grad[4 * pair.one + 1 + k] += total;
  };
  const auto put = [&](int other) {
    __syncwarp();
    for (int k = 0; k < 3; ++k) {
      if (other >= 0) grad[4 * other + 1 + k] += of_other[k];
      of_other[k] = E(0);
    }
    __syncwarp();
  };
  for_all_pairs(atoms, row, add, put);
}

template <class E, class T>
__global__ void __launch_bounds__(kThreads) gradient_of_atoms(AtomGroup<E, T> atoms) {
  __shared__ PairMemory<T> memory[kWarps];
  for (int64_t row = warp_of_grid(); row < atoms.count; row += warps_of_grid()) {
    gradient_of_atom(atoms, row, memory[warp_of_block()]);
  }
}

/// Step 1.
template <class E, class T>
__global__ void __launch_bounds__(kThreads) rows_of_atoms(AtomGroup<E, T> atoms) {
  for (int64_t row = warp_of_grid(); row < atoms.count; row += warps_of_grid()) {
    const int64_t i = atoms.first + row;
    const int n = count_neighbors(atoms, row);
    for (int number = lane_of_warp(); number < n; number += kLanes) {
      const Neighbor neighbor = neighbor_of(atoms, row, number);
      E em[4];
      normal_row(atoms, i, neighbor.index,
                 atoms.kinds[atoms.atype[i] * atoms.ntypes + neighbor.type], em);
      for (int k = 0; k < 3; ++k) atoms.rows[(row * atoms.nnei + number) * 3 + k] = em[1 + k];
    }
  }
}

}  // namespace

template <class E, class T>
void rows_for_pairs(const AtomGroup<E, T>& atoms, cudaStream_t stream) {
  launch(rows_of_atoms<E, T>, warps_over(kThreads, atoms.count), stream, atoms);
}

template <class E, class T>
void sum_pairs(const AtomGroup<E, T>& atoms, cudaStream_t stream) {
  launch(sum_pairs_of_atoms<E, T>, warps_over(kThreads, atoms.count), stream, atoms);
}

template <class E, class T>
void gradient_of_pairs(const AtomGroup<E, T>& atoms, cudaStream_t stream) {
  launch(gradient_of_atoms<E, T>, warps_over(kThreads, atoms.count), stream, atoms);
}

#define DPONNX_INSTANTIATE(E, T)                                      \
  template void rows_for_pairs(const AtomGroup<E, T>&, cudaStream_t); \
  template void sum_pairs(const AtomGroup<E, T>&, cudaStream_t);      \
  template void gradient_of_pairs(const AtomGroup<E, T>&, cudaStream_t);
DPONNX_INSTANTIATE(float, float)
DPONNX_INSTANTIATE(double, double)
DPONNX_INSTANTIATE(double, float)

}  // namespace dponnx::cuda

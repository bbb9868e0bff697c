// SPDX-License-Identifier: LGPL-3.0-or-later
#include "descriptor_kernels.h"

/// se_e2_a and se_e2_r, a warp an atom:
///
/// 1. 32 neighbours at a time, one a lane: their rows, located in the tables, into shared memory.
/// 2. Forward: one after the other, the lanes evaluate the table at each, 4 columns a lane, and add
///    em times that to C x 4 sums in registers. The empty slots of a type are one more neighbour.
/// 3. Gradient: one after the other, the lanes' products with dy are summed over the warp.
namespace dponnx::cuda {

namespace {

constexpr int kWarps = 4, kThreads = kWarps * kLanes;

/// Columns [first, first + 128) of the descriptor of one atom.
template <int C, class E, class T>
__device__ void sum_atom(const AtomGroup<E, T>& atoms, int64_t row, int first,
                         Entry<T, C>* entries) {
  const int64_t i = atoms.first + row;
  const int n = count_neighbors(atoms, row);
  const int n_entries = is_real(atoms, i) ? n + atoms.ntypes : 0;
  T total[C][kColumns] = {};
  for (int begin = 0; begin < n_entries; begin += kLanes) {
    const int number = begin + lane_of_warp();
    Entry<T, C> mine =
        number < n ? neighbor_entry<C>(atoms, row, number, first == 0 ? atoms.overflow : nullptr)
                   : empty_entry<C>(atoms, row, number - n);
    for (int c = 0; c < C; ++c) mine.em[c] = C == 1 ? mine.factor : mine.factor * mine.em[c];
    entries[lane_of_warp()] = mine;
    __syncwarp();
    for_each_entry(atoms.block, mine.row, first, [&](int q, const T(&a)[kColumns][6]) {
      const Entry<T, C>& entry = entries[q];
      DPONNX_UNROLL
      for (int b = 0; b < kColumns; ++b) {
        const T value = value_at(a[b], entry.dx, entry.beyond);
        DPONNX_UNROLL
        for (int c = 0; c < C; ++c) total[c][b] += value * entry.em[c];
      }
    });
    __syncwarp();
  }
  const int width = atoms.block.width;
  for (int c = 0; c < C; ++c)
    store_columns(total[c], width, first, atoms.out + (C * i + c) * width);
}

template <int C, class E, class T>
__global__ void __launch_bounds__(kThreads, 4) sum_atoms(AtomGroup<E, T> atoms) {
  __shared__ Entry<T, C> entries[kWarps][kLanes];
  const int parts = (atoms.block.width + kColumnsOfWarp - 1) / kColumnsOfWarp;
  for (int64_t item = warp_of_grid(); item < atoms.count * parts; item += warps_of_grid()) {
    const int first = static_cast<int>(item % parts) * kColumnsOfWarp;
    sum_atom<C>(atoms, item / parts, first, entries[warp_of_block()]);
  }
}

/// Sums over the outputs: dy[c] . G for each c, then (sum_c dy[c] em[c]) . G'. In se_e2_r dy . G'.
template <int C>
constexpr int kSums = C == 4 ? 5 : 1;

/// Adds to sums [kSums] of one neighbour what the lanes' columns give.
template <int C, class T>
__device__ void add_products(const Entry<T, C>& entry, const T (&a)[kColumns][6],
                             const T (&dy)[C][kColumns], T* sums) {
  constexpr int kExchanged = C == 4 ? 8 : 1;  // a power of two
  T v[kExchanged] = {};
  DPONNX_UNROLL
  for (int b = 0; b < kColumns; ++b) {
    T value, product = T(0);
    const T slope = slope_at(a[b], entry.dx, entry.beyond, value);
    if constexpr (C == 4) {
      DPONNX_UNROLL
      for (int c = 0; c < C; ++c) {
        product += dy[c][b] * entry.em[c];
        v[c] += dy[c][b] * value;
      }
    } else {
      product = dy[0][b];
    }
    v[kSums<C> - 1] += product * slope;
  }
  const T total = warp_sum_each(v);
  constexpr int kApart = kLanes / kExchanged;
  const int k = lane_of_warp() / kApart;
  if (lane_of_warp() % kApart == 0 && k < kSums<C>) sums[k] += total;
}

template <int C, class T>
struct GradientMemory {
  Entry<T, C> entries[kLanes];
  T sums[kLanes][kSums<C>];
};

template <int C, class E, class T>
__device__ void gradient_of_atom(const AtomGroup<E, T>& atoms, int64_t row,
                                 GradientMemory<C, T>& memory) {
  const int64_t i = atoms.first + row;
  const int lane = lane_of_warp(), width = atoms.block.width, n = count_neighbors(atoms, row);
  for (int begin = 0; begin < n; begin += kLanes) {
    const int number = begin + lane;
    const Entry<T, C> mine = neighbor_entry<C>(atoms, row, number, nullptr);
    memory.entries[lane] = mine;
    for (int k = 0; k < kSums<C>; ++k) memory.sums[lane][k] = T(0);
    __syncwarp();
    for (int first = 0; first < width; first += kColumnsOfWarp) {
      T dy[C][kColumns];
      for (int c = 0; c < C; ++c) load_columns(atoms.dy + (C * i + c) * width, width, first, dy[c]);
      for_each_entry(atoms.block, mine.row, first, [&](int q, const T(&a)[kColumns][6]) {
        add_products(memory.entries[q], a, dy, memory.sums[q]);
      });
    }
    __syncwarp();
    if (number < n) {
      E* grad = atoms.grad + (row * atoms.nnei + number) * C;
      const T* sums = memory.sums[lane];
      grad[0] = E(mine.factor * (C == 4 ? sums[0] + sums[kSums<C> - 1] : sums[0]));
      for (int c = 1; c < C; ++c) grad[c] = E(mine.factor * sums[c]);
    }
    __syncwarp();
  }
}

template <int C, class E, class T>
__global__ void __launch_bounds__(kThreads, 4) gradient_of_atoms(AtomGroup<E, T> atoms) {
  __shared__ GradientMemory<C, T> memory[kWarps];
  for (int64_t row = warp_of_grid(); row < atoms.count; row += warps_of_grid()) {
    gradient_of_atom(atoms, row, memory[warp_of_block()]);
  }
}

}  // namespace

template <int C, class E, class T>
void sum_neighbors(const AtomGroup<E, T>& atoms, cudaStream_t stream) {
  const int64_t parts = (atoms.block.width + kColumnsOfWarp - 1) / kColumnsOfWarp;
  launch(sum_atoms<C, E, T>, warps_over(kThreads, atoms.count * parts), stream, atoms);
}

template <int C, class E, class T>
void gradient_of_neighbors(const AtomGroup<E, T>& atoms, cudaStream_t stream) {
  launch(gradient_of_atoms<C, E, T>, warps_over(kThreads, atoms.count), stream, atoms);
}

#define DPONNX_INSTANTIATE(C, E, T)                                     \
  template void sum_neighbors<C>(const AtomGroup<E, T>&, cudaStream_t); \
  template void gradient_of_neighbors<C>(const AtomGroup<E, T>&, cudaStream_t);
DPONNX_EACH_COLUMNS(DPONNX_INSTANTIATE)

}  // namespace dponnx::cuda

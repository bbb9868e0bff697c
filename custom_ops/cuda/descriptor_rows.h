// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/env_mat.h>

#include "counts.h"
#include "device_descriptor.h"
#include "table.h"
#include "warp.h"

/// What the kernels of the fused descriptors share: atoms whose neighbours are placed, and the rows
/// of their environment matrix, one lane a neighbour.
namespace dponnx::cuda {

/// Atoms [first, first + count) of a frame. Their neighbours have numbers 0, 1, ... in the order of
/// types and slots.
template <class E, class T>
struct AtomGroup : DescriptorFrame<E, T> {
  int64_t first, count;
  const int32_t* slots;   ///< [count, nnei] (neighbors.h)
  const int32_t* filled;  ///< [count, ntypes]
  int64_t* overflow;      ///< forward: [n_tables, 2] grows by what is found; or null
  E* rows;                ///< se_e3: [count, nnei, 3] em[1..3] of each neighbour
  E* grad;                ///< gradient: [count, nnei, C] dE/d em of each neighbour
};

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
/// A neighbour of an atom of the group.
struct Neighbor {
  int type;  ///< -1: there is none of this number
  int32_t index;
};

/// How many neighbours the atom has.
template <class E, class T>
__device__ int count_neighbors(const AtomGroup<E, T>& atoms, int64_t row) {
  int n = 0;
  for (int t = 0; t < atoms.ntypes; ++t) n += atoms.filled[row * atoms.ntypes + t];
  return n;
}

template <class E, class T>
__device__ Neighbor neighbor_of(const AtomGroup<E, T>& atoms, int64_t row, int number) {
  for (int t = 0; t < atoms.ntypes; ++t) {
    const int filled = atoms.filled[row * atoms.ntypes + t];
    if (number < filled) return {t, atoms.slots[row * atoms.nnei + atoms.sec[t] + number]};
    number -= filled;
  }
  return {-1, -1};
}

/// Whether the atom has a type; without one it has no neighbours, nor empty slots.
template <class E, class T>
__device__ bool is_real(const AtomGroup<E, T>& atoms, int64_t i) {
  return atoms.atype[i] >= 0 && atoms.atype[i] < atoms.ntypes;
}

/// Row j of atom i's environment matrix, normalised.
template <int C, class E, class T>
__device__ void normal_row(const AtomGroup<E, T>& atoms, int64_t i, int64_t j,
                           const PairKind<E>& kind, E (&em)[C]) {
  E d[3], row[C], deriv[3 * C];
  difference(atoms.coord, i, j, d);
  env_row<E>(d, atoms.cut, row, deriv);
  for (int c = 0; c < C; ++c) em[c] = (row[c] - kind.avg[c]) * kind.inv_std[c];
}

/// A neighbour, or the empty slots of a type, located in the tables.
template <class T, int C>
struct Entry {
  int row;  ///< in the block of all tables; -1: nothing to add
  T dx, beyond;
  T em[C];
  T factor;  ///< what its table's share is multiplied by
};

/// Counts `weight` times in overflow [n_tables, 2] an x in the coarse sub-tables, or outside all.
template <class T>
__device__ void count_overflow(const TableView<T>* tables, int table, T x, int weight,
                               int64_t* overflow) {
  const TableGrid<T>& grid = tables[table].grid;
  if (grid.is_coarse(x)) count_up(overflow + 2 * table, weight);
  if (grid.is_outside(x)) count_up(overflow + 2 * table + 1, weight);
}

/// Sets row, dx, beyond, factor for input x of a table that counts `weight` times.
template <class E, class T, int C>
__device__ void locate(const AtomGroup<E, T>& atoms, int table, T x, int weight,
                       Entry<T, C>& entry) {
  const Place<T> place = atoms.tables[table].grid.place(x);
  entry.row = atoms.tables[table].first_row + place.row;
  entry.dx = place.dx;
  entry.beyond = place.beyond;
  entry.factor = T(weight) * atoms.scale[table];
}

/// The entry of a neighbour by number; counted in overflow unless that is null.
template <int C, class E, class T>
__device__ Entry<T, C> neighbor_entry(const AtomGroup<E, T>& atoms, int64_t row, int number,
                                      int64_t* overflow) {
  Entry<T, C> entry = {};
  entry.row = -1;
  const Neighbor neighbor = neighbor_of(atoms, row, number);
  if (neighbor.type < 0) return entry;
  const int64_t i = atoms.first + row;
  const PairKind<E>& kind = atoms.kinds[atoms.atype[i] * atoms.ntypes + neighbor.type];
  if (kind.table < 0) return entry;
  E em[C];
  normal_row<C>(atoms, i, neighbor.index, kind, em);
  for (int c = 0; c < C; ++c) entry.em[c] = static_cast<T>(em[c]);
  locate(atoms, kind.table, entry.em[0], 1, entry);
  if (overflow) count_overflow(atoms.tables, kind.table, entry.em[0], 1, overflow);
  return entry;
}

/// The entry of the empty slots of a type: all have the row that no neighbour gives.
template <int C, class E, class T>
__device__ Entry<T, C> empty_entry(const AtomGroup<E, T>& atoms, int64_t row, int type) {
  Entry<T, C> entry = {};
  entry.row = -1;
  if (type >= atoms.ntypes) return entry;
  const PairKind<E>& kind = atoms.kinds[atoms.atype[atoms.first + row] * atoms.ntypes + type];
  const int empty = atoms.sec[type + 1] - atoms.sec[type] - atoms.filled[row * atoms.ntypes + type];
  if (kind.table < 0 || empty == 0) return entry;
  for (int c = 0; c < C; ++c) {
    entry.em[c] = static_cast<T>((E(0) - kind.avg[c]) * kind.inv_std[c]);
  }
  locate(atoms, kind.table, entry.em[0], empty, entry);
  return entry;
}
#endif

}  // namespace dponnx::cuda

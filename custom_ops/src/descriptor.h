// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "kernel_args.h"

/// Fused descriptors: from coordinates and neighbours to sums over neighbours, and back to forces.
namespace dponnx {

/// Kinds of descriptor, as DeePMD-kit names them: se_e2_a, se_e3, se_e2_r.
enum class Descriptor { se_a, se_t, se_r };

/// What a neighbour of one type is to a centre of another.
template <class T>
struct PairKind {
  int table;             ///< its number, -1: the two do not interact. se_e3: not used
  T avg[4], inv_std[4];  ///< of the C columns of the environment matrix
};

/// One frame. width outputs a table, the same for all. E is the element type of coordinates,
/// environment and forces, T that of tables and sums; each row is rounded to T first.
template <class E, class T>
struct DescriptorArgs : ListArgs<E> {
  const PairKind<E>* kinds;    ///< [ntypes, ntypes] of centre and neighbour
  const int* table_of;         ///< se_e3: [ntypes, ntypes, ntypes] of centre and two neighbours
  const TableView<T>* tables;  ///< all in one block of memory, rows one after the other
  const T* scale;              ///< [ntables] factor of a table's share
  T* out;                      ///< [nloc, 4, width]; se_e2_r, se_e3: [nloc, width]. Forward only
  const T* dy;                 ///< the same shape. Gradient only
};

/// One number a neighbour in each row, rows `stride` apart, neighbours packed by type.
template <class E>
struct NeighborRows {
  E* d;      ///< [3] r_j - r_i
  E* em;     ///< [C] row of the environment matrix, normalised
  E* deriv;  ///< [3 C] its derivative by r_i
  E* grad;   ///< [C] dE/d em
  E* force;  ///< [3] on the neighbour
  int64_t stride;
};

/// Numbers of D an atom: row a < axis begins at column a.
constexpr int64_t contraction_size(int64_t width, int64_t axis) {
  return axis * width - axis * (axis - 1) / 2;
}

/// The contraction D of se_e2_a from T (contract_body.h).
template <class T>
struct ContractArgs {
  const T* t;  ///< [n, 4, width]
  int width, axis;
  int stride;    ///< of a padded row: width and two vectors of lanes
  int64_t size;  ///< contraction_size
  T* d;          ///< [n, size], forward only
  const T* dd;   ///< [n, size], gradient only
  T* dt;         ///< [n, 4, width], gradient only
};

/// For atoms [begin, end), with scratch [4 + axis, stride].
template <class T>
struct ContractKernels {
  using Function = void(const ContractArgs<T>&, int64_t begin, int64_t end, T* scratch);
  Function *forward, *gradient;
};

/// Neighbours in one row of the tables' block: how many, and the last of them.
struct RowGroup {
  int row, count, last;
};

/// Memory to group an atom's neighbours, at most nnei of them, by row (gradient of se_e2_a).
template <class T>
struct RowGroups {
  Located<T>* entries;
  int* next;
  RowGroup* groups;
  int32_t* group_of_row;  ///< [rows of all tables], -1 before and after
};

/// What a thread brings. slots and filled tell the atom's neighbours (neighbors.h).
template <class E, class T>
struct DescriptorScratch {
  const int32_t* slots;
  const int* filled;  ///< [ntypes]
  NeighborRows<E> rows;
  T* places;          ///< [4, rows.stride] x, and its row, dx and beyond (TableGrid)
  int64_t* overflow;  ///< [ntables, 2] inputs in the coarse sub-tables, and outside; null: not due
  RowGroups<T> groups;
  TabulateScratch<T> tabulate;  ///< located [nnei + ntypes]; rows of all tables together
};

/// What forces on pairs add up to.
template <class E>
struct PairSums {
  E* force;        ///< [nall, 3]
  E* virial;       ///< [9]
  E* atom_virial;  ///< [nall, 9] or null
};

/// Value and gradient of one kind of descriptor for atom i.
template <class E, class T>
struct DescriptorKernels {
  void (*forward)(const DescriptorArgs<E, T>&, int64_t i, const DescriptorScratch<E, T>&);
  void (*gradient)(const DescriptorArgs<E, T>&, int64_t i, const DescriptorScratch<E, T>&,
                   const PairSums<E>&);
};

template <class E, class T>
struct DescriptorKernelsOf {
  DescriptorKernels<E, T> se_a, se_t, se_r;
};

}  // namespace dponnx

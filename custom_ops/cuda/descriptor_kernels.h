// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "descriptor_rows.h"
#include "fixed_sums.h"

/// The steps of the fused descriptors, each one launch over a group of atoms. C: 4 in se_e2_a, 1 in
/// se_e2_r; se_e3 works on pairs.
namespace dponnx::cuda {

/// Writes out of each atom.
template <int C, class E, class T>
void sum_neighbors(const AtomGroup<E, T>& atoms, cudaStream_t stream);
template <class E, class T>
void sum_pairs(const AtomGroup<E, T>& atoms, cudaStream_t stream);

/// Writes rows; before the functions on pairs.
template <class E, class T>
void rows_for_pairs(const AtomGroup<E, T>& atoms, cudaStream_t stream);

/// Writes grad of each neighbour from dy; with four columns for pairs.
template <int C, class E, class T>
void gradient_of_neighbors(const AtomGroup<E, T>& atoms, cudaStream_t stream);
template <class E, class T>
void gradient_of_pairs(const AtomGroup<E, T>& atoms, cudaStream_t stream);

/// Where forces on pairs are added.
struct ForceSums {
  FixedSums<3> force;        ///< [nall]
  FixedSums<9> atom_virial;  ///< [nall] if wanted
  bool want_atom_virial;
  double* partial;  ///< [blocks, 9] the virial, by block of the launch
  int64_t blocks;
};

/// Blocks of a launch over this many atoms.
int64_t force_blocks(int64_t count);

/// From grad of each neighbour, of C columns.
template <int C, class E, class T>
void add_forces(const AtomGroup<E, T>& atoms, const ForceSums& sums, cudaStream_t stream);

/// INSTANTIATE(C, E, T) for all there are.
#define DPONNX_EACH_COLUMNS(INSTANTIATE) \
  INSTANTIATE(4, float, float)           \
  INSTANTIATE(4, double, double)         \
  INSTANTIATE(4, double, float)          \
  INSTANTIATE(1, float, float)           \
  INSTANTIATE(1, double, double)         \
  INSTANTIATE(1, double, float)

}  // namespace dponnx::cuda

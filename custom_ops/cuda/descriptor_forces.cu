// SPDX-License-Identifier: LGPL-3.0-or-later
#include "descriptor_kernels.h"

/// From dE/d(environment matrix) to forces, a warp an atom, its lanes on the neighbours: the rows'
/// derivatives are computed anew rather than kept.
namespace dponnx::cuda {

namespace {

constexpr int kThreads = 128, kWarps = kThreads / kLanes;

/// The force on neighbour `number` of an atom, and d to it.
template <int C, class E, class T>
__device__ void force_on(const AtomGroup<E, T>& atoms, int64_t row, int number, Neighbor neighbor,
                         E (&f)[3], E (&d)[3]) {
  const int64_t i = atoms.first + row;
  const PairKind<E>& kind = atoms.kinds[atoms.atype[i] * atoms.ntypes + neighbor.type];
  E of_row[C], deriv[3 * C];
  difference(atoms.coord, i, neighbor.index, d);
  env_row<E>(d, atoms.cut, of_row, deriv);
  for (int m = 0; m < 3 * C; ++m) deriv[m] *= kind.inv_std[m / 3];
  pair_force<C>(atoms.grad + (row * atoms.nnei + number) * C, deriv, f);
}

template <int C, class E, class T>
__global__ void __launch_bounds__(kThreads) forces_of_atoms(AtomGroup<E, T> atoms, ForceSums sums) {
  E virial[9] = {};
  for (int64_t row = warp_of_grid(); row < atoms.count; row += warps_of_grid()) {
    E centre[3] = {};
    const int n = count_neighbors(atoms, row);
    for (int number = lane_of_warp(); number < n; number += kLanes) {
      const Neighbor neighbor = neighbor_of(atoms, row, number);
      E f[3], d[3];
      force_on<C>(atoms, row, number, neighbor, f, d);
      for (int a = 0; a < 3; ++a) {
        sums.force.add(neighbor.index, a, f[a]);
        centre[a] -= f[a];
        for (int b = 0; b < 3; ++b) {
          const E v = f[a] * d[b];
          virial[3 * a + b] += v;
          if (sums.want_atom_virial) sums.atom_virial.add(neighbor.index, 3 * a + b, v);
        }
      }
    }
    for (int a = 0; a < 3; ++a) {
      const E total = warp_sum(centre[a]);
      if (lane_of_warp() == 0) sums.force.add(atoms.first + row, a, total);
    }
  }
  block_sums(virial, sums.partial);
}

}  // namespace

int64_t force_blocks(int64_t count) { return blocks_for_sums(count, kWarps); }

template <int C, class E, class T>
void add_forces(const AtomGroup<E, T>& atoms, const ForceSums& sums, cudaStream_t stream) {
  launch(forces_of_atoms<C, E, T>, {sums.blocks, kThreads}, stream, atoms, sums);
}

#define DPONNX_INSTANTIATE(C, E, T) \
  template void add_forces<C>(const AtomGroup<E, T>&, const ForceSums&, cudaStream_t);
DPONNX_EACH_COLUMNS(DPONNX_INSTANTIATE)

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "scatter.h"

#include <dponnx/env_mat.h>

#include "fixed_sums.h"
#include "report.h"
#include "warp.h"

namespace dponnx::cuda {

namespace {

constexpr int kThreads = 256;

/// The neighbour in slot s of [nloc, nnei], -1 if there is none or it is out of range.
template <class T>
__device__ int64_t neighbor_at(const ScatterArgs<T>& args, int64_t s, int64_t nall,
                               Report* report) {
  const int32_t j = args.nlist[s];
  if (j >= -1 && j < nall) return j;
  tell(report, Finding::nlist, s, args.nnei, j, nall - 1);
  return -1;
}

/// The force on the neighbour in slot s.
template <int C, class T>
__device__ void slot_force(const ScatterArgs<T>& args, int64_t s, T (&f)[3]) {
  pair_force<C>(args.net_deriv + C * s, args.in_deriv + 3 * C * s, f);
}

/// A warp an atom, its lanes on the slots; the atom's own force is summed in registers.
template <int C, class T>
__global__ void __launch_bounds__(kThreads)
    force_of_slots(ScatterArgs<T> args, int64_t nloc, int64_t nall, FixedSums<3> force,
                   Report* report) {
  for (int64_t i = warp_of_grid(); i < nloc; i += warps_of_grid()) {
    T centre[3] = {};
    for (int64_t s = i * args.nnei + lane_of_warp(); s < (i + 1) * args.nnei; s += kLanes) {
      const int64_t j = neighbor_at(args, s, nall, report);
      if (j < 0) continue;
      T f[3];
      slot_force<C>(args, s, f);
      for (int k = 0; k < 3; ++k) {
        force.add(j, k, f[k]);
        centre[k] -= f[k];
      }
    }
    for (int k = 0; k < 3; ++k) {
      const T total = warp_sum(centre[k]);
      if (lane_of_warp() == 0) force.add(i, k, total);
    }
  }
}

/// A thread a slot; partial [blocks, 9]; atom_virial only if wanted.
template <int C, class T>
__global__ void __launch_bounds__(kThreads)
    virial_of_slots(ScatterArgs<T> args, int64_t nloc, int64_t nall, double* partial,
                    FixedSums<9> atom_virial, bool want_atom_virial, Report* report) {
  T total[9] = {};
  for (int64_t s = thread_of_grid(); s < nloc * args.nnei; s += threads_of_grid()) {
    const int64_t j = neighbor_at(args, s, nall, report);
    if (j < 0) continue;
    T f[3];
    slot_force<C>(args, s, f);
    for (int a = 0; a < 3; ++a) {
      for (int b = 0; b < 3; ++b) {
        const T v = f[a] * args.rij[3 * s + b];
        total[3 * a + b] += v;
        if (want_atom_virial) atom_virial.add(j, 3 * a + b, v);
      }
    }
  }
  block_sums(total, partial);
}

}  // namespace

template <int C, class T>
void scatter_force(const ScatterArgs<T>& args, int64_t nloc, int64_t nall, T* force,
                   cudaStream_t stream) {
  FixedSumsMemory<3> memory(nall, stream);
  launch(force_of_slots<C, T>, warps_over(kThreads, nloc), stream, args, nloc, nall, memory.sums(),
         report_of_device());
  memory.read(force);
}

template <int C, class T>
void scatter_virial(const ScatterArgs<T>& args, int64_t nloc, int64_t nall, T* virial,
                    T* atom_virial, cudaStream_t stream) {
  const int64_t blocks = blocks_for_sums(nloc * args.nnei, kThreads);
  Scratch<double> partial(9 * blocks, stream);
  FixedSumsMemory<9> memory(atom_virial ? nall : 0, stream);
  launch(virial_of_slots<C, T>, {blocks, kThreads}, stream, args, nloc, nall, partial.data(),
         memory.sums(), atom_virial != nullptr, report_of_device());
  launch(sum_of_blocks<9, T>, {1, 9 * kLanes}, stream, partial.data(), blocks, virial);
  if (atom_virial) memory.read(atom_virial);
}

#define DPONNX_INSTANTIATE(C, T)                                                             \
  template void scatter_force<C>(const ScatterArgs<T>&, int64_t, int64_t, T*, cudaStream_t); \
  template void scatter_virial<C>(const ScatterArgs<T>&, int64_t, int64_t, T*, T*, cudaStream_t);
DPONNX_INSTANTIATE(4, float)
DPONNX_INSTANTIATE(4, double)
DPONNX_INSTANTIATE(1, float)
DPONNX_INSTANTIATE(1, double)

}  // namespace dponnx::cuda

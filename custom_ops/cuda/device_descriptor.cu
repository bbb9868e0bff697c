// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "descriptor_kernels.h"
#include "neighbors.h"

namespace dponnx::cuda {

namespace {

/// Scratch memory is for so many atoms at a time, whatever the size of the system.
constexpr int64_t kScratchBytes = int64_t(1) << 29, kLeastAtoms = 1024;

/// Walks over all atoms of a frame in groups: finds their neighbours, then work(group).
template <class E, class T>
class Walk {
 public:
  /// Columns: numbers a neighbour that the work keeps in rows and in grad.
  Walk(const DescriptorFrame<E, T>& frame, int row_columns, int grad_columns, cudaStream_t stream)
      : frame_(frame),
        stream_(stream),
        most_(atoms_at_once(frame, row_columns + grad_columns)),
        slots_(most_ * frame.nnei, stream),
        filled_(most_ * frame.ntypes, stream),
        rows_(most_ * frame.nnei * row_columns, stream),
        grad_(most_ * frame.nnei * grad_columns, stream) {}

  int64_t groups() const { return std::max<int64_t>(1, (frame_.nloc + most_ - 1) / most_); }
  int64_t most() const { return most_; }

  template <class Work>
  void run(int64_t* sel_overflow, const Work& work) {
    for (int64_t g = 0; g < groups(); ++g) {
      AtomGroup<E, T> atoms{};
      static_cast<DescriptorFrame<E, T>&>(atoms) = frame_;
      atoms.first = g * most_;
      atoms.count = std::min(most_, frame_.nloc - atoms.first);
      atoms.slots = slots_.data();
      atoms.filled = filled_.data();
      atoms.rows = rows_.data();
      atoms.grad = grad_.data();
      place_neighbors<E>({frame_, frame_.nall, atoms.first, atoms.count, frame_.ntypes, false,
                          frame_.nnei, slots_.data(), filled_.data(), sel_overflow},
                         stream_);
      work(g, atoms);
    }
  }

 private:
  static int64_t atoms_at_once(const DescriptorFrame<E, T>& frame, int columns) {
    const int64_t bytes = frame.nnei * (sizeof(int32_t) + columns * sizeof(E)) + 1;
    return std::min(std::max<int64_t>(1, frame.nloc), std::max(kLeastAtoms, kScratchBytes / bytes));
  }

  const DescriptorFrame<E, T>& frame_;
  cudaStream_t stream_;
  int64_t most_;
  Scratch<int32_t> slots_, filled_;
  Scratch<E> rows_, grad_;
};

}  // namespace

template <class E, class T>
void descriptor_sum(Descriptor kind, const DescriptorFrame<E, T>& frame,
                    const DescriptorCounts& counts, cudaStream_t stream) {
  if (counts.table_overflow) set_bytes(counts.table_overflow, 0, 2 * counts.n_tables, stream);
  if (counts.sel_overflow) set_bytes(counts.sel_overflow, 0, frame.ntypes, stream);
  Walk<E, T> walk(frame, kind == Descriptor::se_t ? 3 : 0, 0, stream);
  walk.run(counts.sel_overflow, [&](int64_t, AtomGroup<E, T>& atoms) {
    atoms.overflow = counts.table_overflow;
    if (kind == Descriptor::se_a) sum_neighbors<4>(atoms, stream);
    if (kind == Descriptor::se_r) sum_neighbors<1>(atoms, stream);
    if (kind == Descriptor::se_t) {
      rows_for_pairs(atoms, stream);
      sum_pairs(atoms, stream);
    }
  });
}

template <class E, class T>
void descriptor_gradient(Descriptor kind, const DescriptorFrame<E, T>& frame,
                         const PairSums<E>& sums, cudaStream_t stream) {
  const bool pairs = kind == Descriptor::se_t;
  Walk<E, T> walk(frame, pairs ? 3 : 0, kind == Descriptor::se_r ? 1 : 4, stream);
  FixedSumsMemory<3> force(frame.nall, stream);
  FixedSumsMemory<9> atom_virial(sums.atom_virial ? frame.nall : 0, stream);
  const int64_t blocks = force_blocks(walk.most());
  Scratch<double> partial(walk.groups() * blocks * 9, stream);
  walk.run(nullptr, [&](int64_t g, AtomGroup<E, T>& atoms) {
    const ForceSums to = {force.sums(), atom_virial.sums(), sums.atom_virial != nullptr,
                          partial.data() + g * blocks * 9, blocks};
    if (kind == Descriptor::se_r) {
      gradient_of_neighbors<1>(atoms, stream);
      add_forces<1>(atoms, to, stream);
      return;
    }
    if (pairs) {
      rows_for_pairs(atoms, stream);
      gradient_of_pairs(atoms, stream);
    } else {
      gradient_of_neighbors<4>(atoms, stream);
    }
    add_forces<4>(atoms, to, stream);
  });
  force.read(sums.force);
  if (sums.atom_virial) atom_virial.read(sums.atom_virial);
  launch(sum_of_blocks<9, E>, {1, 9 * kLanes}, stream, partial.data(), walk.groups() * blocks,
         sums.virial);
}

#define DPONNX_INSTANTIATE(E, T)                                                                  \
  template void descriptor_sum(Descriptor, const DescriptorFrame<E, T>&, const DescriptorCounts&, \
                               cudaStream_t);                                                     \
  template void descriptor_gradient(Descriptor, const DescriptorFrame<E, T>&, const PairSums<E>&, \
                                    cudaStream_t);
DPONNX_INSTANTIATE(float, float)
DPONNX_INSTANTIATE(double, double)
DPONNX_INSTANTIATE(double, float)

}  // namespace dponnx::cuda

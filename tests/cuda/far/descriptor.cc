// SPDX-License-Identifier: LGPL-3.0-or-later
#include "descriptor_neighbors.cu"
#include "far.h"

/// An atom far up all arrays has the same sums and gradient as one at their beginning.
void far::check_descriptor() {
  using namespace dponnx;
  using namespace dponnx::cuda;
  constexpr int width = 5;
  constexpr int64_t kAtoms[] = {1, kFar + 3};
  const int64_t n = kAtoms[1] + 1;
  far::Array<double> coord(3 * n), out(4 * width * n), dy(4 * width * n), grad(4 * n);
  far::Array<int32_t> atype(n), slots(n), filled(n);
  const std::vector<double> coef(6 * width, 0.5);
  const TableView<double> table = {{-1, 9, 9, 10, 10, 1, 0, 0}, coef.data(), width, 1, 6 * width};
  const PairKind<double> kind = {0, {}, {1, 1, 1, 1}};
  const int sec[] = {0, 1};
  const double scale[] = {2};
  AtomGroup<double, double> atoms{};
  static_cast<ListArgs<double>&>(atoms) = {coord.data(), atype.data(), nullptr, 0, {1, 4}, sec, 1};
  atoms.kinds = &kind, atoms.tables = &table, atoms.block = table, atoms.scale = scale;
  atoms.nnei = 1, atoms.out = out.data(), atoms.dy = dy.data();
  atoms.slots = slots.data(), atoms.filled = filled.data(), atoms.grad = grad.data();
  for (int k = 0; k < 3; ++k) *coord.touch(k, 1) = 1;  // the neighbour
  double* sums[2];
  double* grads[2];
  for (int which = 0; which < 2; ++which) {
    const int64_t i = kAtoms[which];
    for (int k = 0; k < 3; ++k) *coord.touch(3 * i + k, 1) = 0.5 * k;
    *atype.touch(i, 1) = 0, *slots.touch(i, 1) = 0, *filled.touch(i, 1) = 1;
    for (int k = 0; k < 4 * width; ++k) *dy.touch(4 * width * i + k, 1) = k;
    sums[which] = out.touch(4 * width * i, 4 * width);
    grads[which] = grad.touch(4 * i, 4);
    Entry<double, 4> entries[kLanes];
    GradientMemory<4, double> memory;
    as_warp([&] {
      sum_atom<4>(atoms, i, 0, entries);
      gradient_of_atom<4>(atoms, i, memory);
    });
  }
  for (int k = 0; k < 4 * width; ++k) expect(sums[1][k], sums[0][k], "sum of a far atom");
  for (int c = 0; c < 4; ++c) expect(grads[1][c], grads[0][c], "gradient of a far atom");
  if (!(sums[0][0] > 0 && grads[0][0] > 0)) expect(0, 1, "sums that are not zero");
}

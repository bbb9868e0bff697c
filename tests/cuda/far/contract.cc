// SPDX-License-Identifier: LGPL-3.0-or-later
#include "contract.cu"

#include "far.h"

/// The gradient of the contraction of an atom far up all arrays.
void far::check_contract() {
  using namespace dponnx;
  using namespace dponnx::cuda;
  constexpr int width = 3, axis = 2, size = 5;
  const int64_t i = kFar + 3;
  far::Array<double> t(4 * width * (i + 1)), dd(size * (i + 1)), dt(4 * width * (i + 1));
  ContractArgs<double> args{t.data(), width, axis, 0, size, nullptr, dd.data(), dt.data()};
  for (int k = 0; k < 4 * width; ++k) *t.touch(4 * width * i + k, 1) = 1;
  for (int k = 0; k < size; ++k) *dd.touch(size * i + k, 1) = 1;
  const double* found = dt.touch(4 * width * i, 4 * width);
  double of_axis[4 * axis];
  as_warp([&] { gradient_of_atom(args, i, of_axis); });
  const double expected[width] = {4, 4, 2};  // with all ones: numbers of D that name each column
  for (int k = 0; k < 4 * width; ++k) expect(found[k], expected[k % width], "far contraction");
}

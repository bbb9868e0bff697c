// SPDX-License-Identifier: LGPL-3.0-or-later
#include "scatter.cu"

#include "far.h"

/// A slot and an atom far behind: forces, and the sums they go to.
void far::check_scatter() {
  using namespace dponnx;
  using namespace dponnx::cuda;
  constexpr int64_t s = kFar + 5;
  far::Array<double> net(4 * (s + 1)), deriv(12 * (s + 1));
  far::Array<int32_t> nlist(s + 1);
  double *n = net.touch(4 * s, 4), *d = deriv.touch(12 * s, 12);
  for (int c = 0; c < 4; ++c) n[c] = c + 1;
  for (int k = 0; k < 12; ++k) d[k] = k;
  *nlist.touch(s, 1) = INT32_MAX - 1;
  ScatterArgs<double> args{net.data(), deriv.data(), nullptr, nlist.data(), 7};
  double f[3];
  slot_force<4>(args, s, f);
  for (int k = 0; k < 3; ++k) expect(f[k], 60 + 10 * k, "force of a far slot");
  expect(static_cast<double>(neighbor_at(args, s, INT32_MAX, nullptr)), INT32_MAX - 1,
         "neighbour in a far slot");

  constexpr int64_t row = INT32_MAX - 1;
  far::Array<unsigned long long> low(9 * (row + 1)), high(9 * (row + 1));
  far::Array<unsigned> bad(row + 1);
  FixedSums<9> sums{low.data(), high.data(), bad.data()};
  low.touch(9 * row, 9), high.touch(9 * row, 9), bad.touch(row, 1);
  for (double x : {0.25, 1e6, -3.0}) sums.add(row, 8, x);
  expect(sums.value(row, 8), 999997.25, "sum of a far atom");
  sums.add(row, 7, NAN);
  expect(sums.value(row, 7) != sums.value(row, 7), 1, "NaN of a far atom");
}

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "environment.cu"

#include "far.h"

/// The last slot of many atoms, whose neighbour is the last atom there can be.
void far::check_environment() {
  using namespace dponnx;
  using namespace dponnx::cuda;
  constexpr int64_t nall = INT32_MAX, i = nall - 2, j = nall - 1, s = 4 * i + 3;
  far::Array<double> coord(3 * nall);
  far::Array<int32_t> atype(nall), nlist(s + 1);
  *atype.touch(i, 1) = 0;
  *nlist.touch(s, 1) = static_cast<int32_t>(j);
  double* xyz = coord.touch(3 * i, 6);
  for (int k = 0; k < 6; ++k) xyz[k] = k == 4 ? 2 : 0;  // 2 angstrom apart in y
  const double avg[16] = {}, inv_std[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3};
  EnvironmentArgs<double> args{};
  args.coord = coord.data(), args.atype = atype.data(), args.nlist = nlist.data();
  args.cut = {4, 6}, args.avg = avg, args.inv_std = inv_std, args.n_types = 1, args.nnei = 4;
  const SlotRow<4, double> row = row_of_slot<4>(args, s);
  expect(row.rij[1], 2, "r_ij of far atoms");
  expect(row.row[0], 1.5, "s of a far slot");
  expect(row.row[2], 1.5, "s y / r of a far slot");
  expect(row.row[3], 0, "s z / r of a far slot");
}

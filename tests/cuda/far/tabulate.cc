// SPDX-License-Identifier: LGPL-3.0-or-later
#include "tabulate.cu"

#include "far.h"

/// A far atom's neighbours, and the last row of a table of 2^32 numbers.
void far::check_tabulate() {
  using namespace dponnx;
  using namespace dponnx::cuda;
  constexpr int width = 100, rows = 8'000'000;
  constexpr int64_t row_size = 6 * width, j = kFar + 3;
  static_assert(rows * row_size > kFar);
  far::Array<double> coef(rows * row_size), em_x(j + 1), em(4 * (j + 1)), out(4 * width * (j + 1));
  for (int64_t k = (rows - 1) * row_size; k < rows * row_size; ++k) *coef.touch(k, 1) = 1;
  *em_x.touch(j, 1) = rows - 0.5;
  for (int c = 0; c < 4; ++c) *em.touch(4 * j + c, 1) = c + 1;
  TabulateArgs<double> args{};
  args.table = {{0, rows, rows, 1, 1, rows, 0, 0}, coef.data(), width, 1, row_size};
  args.em_x = em_x.data(), args.em = em.data(), args.out = out.data(), args.nnei = 1;
  double* of_atom = out.touch(4 * width * j, 4 * width);
  Chunk<false, double> chunk;
  as_warp([&] {
    const Looked mine = look_up(args, j, 1, true, 0, nullptr, chunk);
    for_each_key(mine.row, [&](int row, unsigned) {
      double a[kColumns][6], value[kColumns];
      load_coefficients(args.table, row, 0, a);
      for (int b = 0; b < kColumns; ++b) value[b] = value_at(a[b], chunk.dx[0], chunk.beyond[0]);
      store_columns(value, width, 0, args.out + (4 * j + 3) * width);
    });
  });
  expect(chunk.em[3][0], 4, "em of a far neighbour");
  for (int k = 0; k < width; ++k) expect(of_atom[3 * width + k], 1.96875, "a far row of the table");
}

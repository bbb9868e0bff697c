// SPDX-License-Identifier: LGPL-3.0-or-later
#include "deviation.h"

#include <cmath>

namespace dponnx {

void spread(const double* const* x, int32_t count, int64_t rows, int64_t columns, double level,
            double* e) {
  for (int64_t r = 0; r < rows; ++r) {
    double square = 0, mean_square = 0;
    for (int64_t c = r * columns; c < (r + 1) * columns; ++c) {
      double mean = 0;
      for (int32_t m = 0; m < count; ++m) mean += x[m][c];
      mean /= count;
      for (int32_t m = 0; m < count; ++m) square += (x[m][c] - mean) * (x[m][c] - mean);
      mean_square += mean * mean;
    }
    e[r] = std::sqrt(square / count);
    if (level >= 0) e[r] /= std::sqrt(mean_square) + level;
  }
}

}  // namespace dponnx

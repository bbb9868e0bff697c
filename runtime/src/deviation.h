// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>

/// Spread of several models' predictions: see dponnx_deviation.
namespace dponnx {

/// e [rows] of vectors x[model][rows, columns] whose components belong together.
///
///   e = sqrt(mean_m |x_m - x|^2), x = mean_m x_m;  level >= 0: e / (|x| + level)
void spread(const double* const* x, int32_t count, int64_t rows, int64_t columns, double level,
            double* e);

}  // namespace dponnx

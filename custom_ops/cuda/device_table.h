// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <memory>

#include "device.h"
#include "kernel_args.h"

namespace dponnx::cuda {

/// A table on the current device, [row][6][width].
template <class T>
class DeviceTable {
 public:
  /// coef [n_rows, 6 width] on the host: the six coefficients of one output side by side.
  DeviceTable(const T* coef, int64_t n_rows, int width);

  TableView<T> view(const TableGrid<T>& grid) const {
    return {grid, coef_.data(), width_, 1, 6 * int64_t(width_)};
  }

 private:
  DeviceArray<T> coef_;
  int width_;
};

/// The copy of this table on the current device, shared (shared_copy.h).
template <class T>
std::shared_ptr<const DeviceTable<T>> shared_device_table(const T* coef, int64_t n_rows, int width);

}  // namespace dponnx::cuda

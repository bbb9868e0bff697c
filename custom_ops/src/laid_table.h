// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "aligned.h"
#include "kernels.h"

namespace dponnx {

/// A table copied once to [row][vector][6][lane], 64-byte aligned, lanes padded with zeros.
template <class T>
class LaidTable {
 public:
  /// coef [n_rows, 6 width]: the six coefficients of one output side by side, a0 first.
  LaidTable(const T* coef, int64_t n_rows, int width, int lanes);

  TableView<T> view(const TableGrid<T>& grid) const;

 private:
  AlignedArray<T> data_;
  int width_, n_vectors_;
  int64_t row_size_;
};

/// The copy of this table for these kernels, shared (shared_copy.h).
template <class T>
std::shared_ptr<const LaidTable<T>> shared_table(const T* coef, int64_t n_rows, int width,
                                                 const Kernels& kernels);

/// Tables that lie one below the other in this block.
template <class T>
std::vector<TableView<T>> stacked_views(const TableView<T>& block,
                                        const std::vector<TableGrid<T>>& grids) {
  std::vector<TableView<T>> tables;
  int64_t row = 0;
  for (const TableGrid<T>& grid : grids) {
    tables.push_back(block);
    tables.back().grid = grid;
    tables.back().coef += row * block.row_size;
    row += grid.n_rows();
  }
  return tables;
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <memory>

#include "aligned.h"
#include "kernels.h"

namespace dponnx {

/// A matrix copied once into panels (PanelView).
template <class T>
class PackedMatrix {
 public:
  /// w [rows, columns]; its transpose is packed if asked.
  PackedMatrix(const T* w, int64_t rows, int64_t columns, bool transposed, int lanes);

  PanelView<T> view() const { return {data_.get(), depth_, columns_}; }
  int64_t panels() const { return (columns_ + panel_ - 1) / panel_; }

 private:
  int64_t depth_, columns_, panel_;  ///< panel_: columns of one
  AlignedArray<T> data_;
};

/// The copy of this matrix for these kernels: the one that exists, or a new one.
template <class T>
std::shared_ptr<const PackedMatrix<T>> shared_matrix(const T* w, int64_t rows, int64_t columns,
                                                     bool transposed, const Kernels& kernels);

}  // namespace dponnx

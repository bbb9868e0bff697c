// SPDX-License-Identifier: LGPL-3.0-or-later
#include "packed_matrix.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "shared_copy.h"

namespace dponnx {

template <class T>
PackedMatrix<T>::PackedMatrix(const T* w, int64_t rows, int64_t columns, bool transposed, int lanes)
    : depth_(transposed ? columns : rows),
      columns_(transposed ? rows : columns),
      panel_(kPanelVectors * lanes) {
  const int64_t padded = (columns_ + lanes - 1) / lanes * lanes;
  data_ = make_aligned<T>(depth_ * padded);
  T* to = data_.get();
  for (int64_t first = 0; first < padded; first += panel_) {
    const int64_t end = std::min(padded, first + panel_);
    for (int64_t k = 0; k < depth_; ++k) {
      for (int64_t j = first; j < end; ++j) {
        *to++ = j >= columns_ ? T(0) : transposed ? w[j * depth_ + k] : w[k * columns_ + j];
      }
    }
  }
}

template <class T>
std::shared_ptr<const PackedMatrix<T>> shared_matrix(const T* w, int64_t rows, int64_t columns,
                                                     bool transposed, const Kernels& kernels) {
  const std::tuple key(w, rows, columns, transposed, std::string(kernels.name));
  return shared_copy<PackedMatrix<T>>(key, [&] {
    return std::make_shared<const PackedMatrix<T>>(w, rows, columns, transposed,
                                                   kernels.lanes<T>());
  });
}

#define DPONNX_INSTANTIATE(T)                                                                     \
  template class PackedMatrix<T>;                                                                 \
  template std::shared_ptr<const PackedMatrix<T>> shared_matrix(const T*, int64_t, int64_t, bool, \
                                                                const Kernels&);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "laid_table.h"

#include <string>
#include <tuple>

#include "shared_copy.h"

namespace dponnx {

template <class T>
LaidTable<T>::LaidTable(const T* coef, int64_t n_rows, int width, int lanes)
    : width_(width),
      n_vectors_((width + lanes - 1) / lanes),
      row_size_(int64_t(n_vectors_) * 6 * lanes) {
  data_ = make_aligned<T>(n_rows * row_size_);
  T* to = data_.get();
  for (int64_t row = 0; row < n_rows; ++row) {
    const T* from = coef + row * 6 * width;
    for (int column = 0; column < n_vectors_ * lanes; column += lanes) {
      for (int k = 0; k < 6; ++k) {
        for (int l = column; l < column + lanes; ++l) *to++ = l < width ? from[6 * l + k] : T(0);
      }
    }
  }
}

template <class T>
TableView<T> LaidTable<T>::view(const TableGrid<T>& grid) const {
  return {grid, data_.get(), width_, n_vectors_, row_size_};
}

template <class T>
std::shared_ptr<const LaidTable<T>> shared_table(const T* coef, int64_t n_rows, int width,
                                                 const Kernels& kernels) {
  const std::tuple key(coef, n_rows, width, std::string(kernels.name));
  return shared_copy<LaidTable<T>>(key, [&] {
    return std::make_shared<const LaidTable<T>>(coef, n_rows, width, kernels.lanes<T>());
  });
}

template class LaidTable<float>;
template class LaidTable<double>;
template std::shared_ptr<const LaidTable<float>> shared_table(const float*, int64_t, int,
                                                              const Kernels&);
template std::shared_ptr<const LaidTable<double>> shared_table(const double*, int64_t, int,
                                                               const Kernels&);

}  // namespace dponnx

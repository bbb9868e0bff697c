// SPDX-License-Identifier: LGPL-3.0-or-later
#include "device_table.h"

#include <tuple>

#include "laid_table.h"
#include "shared_copy.h"

namespace dponnx::cuda {

namespace {

/// One vector of all outputs.
template <class T>
DeviceArray<T> copy_laid(const T* coef, int64_t n_rows, int width) {
  const LaidTable<T> laid(coef, n_rows, width, width);
  return DeviceArray<T>(laid.view({}).coef, n_rows * 6 * width);
}

}  // namespace

template <class T>
DeviceTable<T>::DeviceTable(const T* coef, int64_t n_rows, int width)
    : coef_(copy_laid(coef, n_rows, width)), width_(width) {}

template <class T>
std::shared_ptr<const DeviceTable<T>> shared_device_table(const T* coef, int64_t n_rows,
                                                          int width) {
  return shared_copy<DeviceTable<T>>(std::make_tuple(coef, n_rows, width, current_device()), [&] {
    return std::make_shared<const DeviceTable<T>>(coef, n_rows, width);
  });
}

template class DeviceTable<float>;
template class DeviceTable<double>;
template std::shared_ptr<const DeviceTable<float>> shared_device_table(const float*, int64_t, int);
template std::shared_ptr<const DeviceTable<double>> shared_device_table(const double*, int64_t,
                                                                        int);

}  // namespace dponnx::cuda

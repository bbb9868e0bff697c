// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/table.h>

#include "kernel_args.h"
#include "warp.h"

/// Looking up a table on the device: TableView<T> with coef on the device and all outputs in one
/// vector, that is [row][6][width]. A warp works on one row at a time, its lanes on 128 outputs
/// (columns): lane l has first + l, first + l + 32, ... Neighbours in the same row share its loads.
namespace dponnx::cuda {

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
constexpr int kColumns = 4;                        ///< of a row that a lane has
constexpr int kColumnsOfWarp = kColumns * kLanes;  ///< that a warp has

/// The lane's columns of a row from column `first` on; 0 beyond the table's width.
template <class T>
__device__ void load_coefficients(const TableView<T>& table, int row, int first,
                                  T (&a)[kColumns][6]) {
  const T* p = table.coef + row * table.row_size + first + lane_of_warp();
  DPONNX_UNROLL
  for (int b = 0; b < kColumns; ++b) {
    const bool inside = first + lane_of_warp() + b * kLanes < table.width;
    DPONNX_UNROLL
    for (int k = 0; k < 6; ++k) a[b][k] = inside ? p[k * table.width + b * kLanes] : T(0);
  }
}

/// body(lane, a) once for each lane with row >= 0, with the columns a of its row: this lane's, from
/// column `first` on. Lanes in the same row share its loads.
template <class T, class Body>
__device__ void for_each_entry(const TableView<T>& table, int row, int first, const Body& body) {
  for_each_key(row, [&](int row_now, unsigned lanes) {
    T a[kColumns][6];
    load_coefficients(table, row_now, first, a);
    for_each_lane(lanes, [&](int lane) { body(lane, a); });
  });
}

/// The lane's columns of a row of numbers [width], as load_coefficients.
template <class T>
__device__ void load_columns(const T* row, int width, int first, T (&v)[kColumns]) {
  DPONNX_UNROLL
  for (int b = 0; b < kColumns; ++b) {
    const int column = first + lane_of_warp() + b * kLanes;
    v[b] = column < width ? row[column] : T(0);
  }
}

/// The opposite: columns beyond the width are not written.
template <class T>
__device__ void store_columns(const T (&v)[kColumns], int width, int first, T* row) {
  DPONNX_UNROLL
  for (int b = 0; b < kColumns; ++b) {
    const int column = first + lane_of_warp() + b * kLanes;
    if (column < width) row[column] = v[b];
  }
}

/// G: the polynomial at dx, and beyond the table along its tangent.
template <class T>
__device__ T value_at(const T (&a)[6], T dx, T beyond) {
  if (beyond == T(0)) return poly5(a, dx);
  T value;
  const T slope = poly5_slope(a, dx, value);
  return value + slope * beyond;
}

/// dG/dx, and G.
template <class T>
__device__ T slope_at(const T (&a)[6], T dx, T beyond, T& value) {
  const T slope = poly5_slope(a, dx, value);
  value += slope * beyond;
  return slope;
}
#endif

}  // namespace dponnx::cuda

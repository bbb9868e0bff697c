// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <vector>

#include "box.h"
#include "cuda_blocks.h"

namespace dponnx {

/// Listing (listing.h) on the device: atoms in a box with their images as ghosts, and lists of
/// neighbours for some of them at a time (cuda/cells.h).
///
/// Rows: real atoms (type >= 0) in the caller's order, then every image within rcut of the box.
class CudaListing {
 public:
  CudaListing(const CudaDevice& device, double rcut);

  /// coord [natoms, 3] on the device, type [natoms] on the host. Waits for the device. Throws
  /// Error for boxes that do not fit.
  void update(const dponnx_system_cuda& system, const int32_t* type);

  int64_t natoms() const { return static_cast<int64_t>(owner_.size()); }  ///< real ones
  CudaRows rows() const { return {nrows_, type_.data(), host_type_.data()}; }
  const double* coord() const { return coord_.data(); }
  /// Local rows in an order that keeps neighbours close.
  const std::vector<int32_t>& order() const { return order_; }
  /// The caller's atom of each local row, on the device.
  const int32_t* owner() const { return device_owner_.data(); }

  /// Neighbours of these local rows, until the next call. Waits for the device.
  dponnx_cuda_list neighbors(const std::vector<int32_t>& atoms);

  /// Rows [nrows, columns] added to the caller's atoms [natoms, columns], images to their owners.
  void fold(const double* rows, int32_t columns, double* to) const;

 private:
  void find_images(const double* coord);
  void sort_cells(const double* bounds);

  const CudaDevice& device_;
  const double rcut_;
  int64_t nrows_ = 0;
  std::vector<int32_t> owner_, host_type_, order_;
  dponnx_cuda_cells cells_{};
  CudaArray<double> wrapped_, coord_, bounds_, host_bounds_;
  CudaArray<int32_t> device_owner_, type_, first_, start_, sorted_, atoms_, count_, neighbors_;
  CudaArray<int32_t> most_, host_most_;
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <vector>

#include "about.h"
#include "cuda_device.h"

namespace dponnx {

/// Block (block.h) on the device.
struct CudaBlock {
  explicit CudaBlock(const CudaDevice& device)
      : rows(device), atype(device), nlist(device), chosen(device) {}

  std::vector<int32_t> natoms;  ///< on the host
  int64_t nnei = 0;
  CudaArray<int32_t> rows, atype, nlist;
  CudaArray<int32_t> chosen;  ///< [nchosen] rows of the local atoms that have the quantity
  int64_t nchosen = 0;

  int64_t nloc() const { return natoms[0]; }
  int64_t nall() const { return natoms[1]; }
};

/// A system's rows as far as lists look at them.
struct CudaRows {
  int64_t n;                 ///< rows
  const int32_t* type;       ///< [n] on the device
  const int32_t* host_type;  ///< of the local rows, on the host
};

/// Makes blocks from a list on the device; keeps its scratch.
class CudaBlocks {
 public:
  CudaBlocks(const CudaDevice& device, const About& about)
      : device_(device),
        about_(about),
        atoms_(device),
        at_(device),
        place_(device),
        sizes_(device),
        host_sizes_(device, true) {}

  /// The block of these local rows, sorted by type. Waits for the device. Throws Error,
  /// invalid_argument, for neighbours that are no rows.
  CudaBlock build(const dponnx_cuda_list& list, const CudaRows& rows,
                  const std::vector<int32_t>& atoms);

 private:
  const CudaDevice& device_;
  const About& about_;
  CudaArray<int32_t> atoms_, at_, place_, sizes_, host_sizes_;
};

}  // namespace dponnx

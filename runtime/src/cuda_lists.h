// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <vector>

#include "cuda_blocks.h"

namespace dponnx {

/// An engine's neighbour list as blocks on the device, kept while ago > 0.
class CudaLists {
 public:
  CudaLists(const CudaDevice& device, const About& about, CudaBlocks& builder, int64_t block_size)
      : device_(device),
        about_(about),
        builder_(builder),
        block_size_(block_size),
        type_(device),
        neighbors_(device),
        count_(device),
        first_(device) {}

  /// Whether the system's list is another than that of the blocks.
  bool changed(const dponnx_system_cuda& system) const;

  /// Makes the blocks anew. Waits for the device. Throws Error, invalid_argument, for rows that do
  /// not exist and types the model does not know.
  void take(const dponnx_system_cuda& system);

  const std::vector<CudaBlock>& blocks() const { return blocks_; }

  /// The system's types on the host, checked; valid until the next call here or of take.
  const int32_t* types_of(const dponnx_system_cuda& system);

 private:
  dponnx_cuda_list copy(const dponnx_nlist& nlist, int64_t natoms);
  std::vector<int32_t> atoms_of(const dponnx_nlist_cuda& nlist) const;

  const CudaDevice& device_;
  const About& about_;
  CudaBlocks& builder_;
  const int64_t block_size_;
  std::vector<CudaBlock> blocks_;
  int64_t natoms_ = -1, nall_ = -1;
  std::vector<int32_t> types_;
  CudaArray<int32_t> type_, neighbors_, count_;
  CudaArray<int64_t> first_;
};

}  // namespace dponnx

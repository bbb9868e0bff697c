// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <memory>
#include <vector>

#include "cuda_blocks.h"
#include "cuda_listing.h"
#include "overflow_sum.h"
#include "run_ports.h"
#include "session.h"

namespace dponnx {

/// What Model does, for a session on a CUDA device: lists, blocks and sums stay there.
///
/// 1. a system of the host: coordinates go through pinned memory, once a call; results come back
///    the same way, once;
/// 2. the list is copied, or found (cuda_listing.h), and made into blocks (cuda_blocks.h) only
///    when it changed: ago = 0, or no list;
/// 3. each block: its rows gathered, ONNX Runtime, its forces added to the rows. All in one stream.
class CudaModel {
 public:
  CudaModel(Session& session, const dponnx_options& options);

  /// Arguments are checked; results not wanted are null. watch: what the overflow check finds.
  void compute(const dponnx_system& system, const dponnx_result& result, int64_t evaluation,
               OverflowSum& watch);
  void compute(const dponnx_system_cuda& system, const dponnx_result& result, void* stream,
               int64_t evaluation, OverflowSum& watch);

 private:
  /// What all blocks of one evaluation share. Pointers are to the device, but fparam.
  struct Run {
    const double *coord, *fparam, *aparam;
    dponnx_result to;  ///< of rows
    int64_t nrows;
    int64_t evaluation;
    OverflowSum& watch;
  };

  void compute_here(const dponnx_system_cuda& system, const dponnx_result& result,
                    int64_t evaluation, OverflowSum& watch);
  void compute_boxed(const dponnx_system_cuda& system, const dponnx_result& result, Run run);
  bool changed(const dponnx_system_cuda& system) const;
  void take_list(const dponnx_system_cuda& system);
  const int32_t* types_of(const dponnx_system_cuda& system);
  dponnx_cuda_list copy_list(const dponnx_nlist& nlist, int64_t natoms);
  void evaluate(const CudaBlock& block, const Run& run);
  void clear(const dponnx_result& result, int64_t natoms, int64_t nrows) const;
  dponnx_result room(const dponnx_result& like, int64_t natoms, int64_t nrows,
                     CudaArray<double>& memory) const;
  int64_t length(const dponnx_result& like, int64_t natoms, int64_t nrows) const;

  Session& session_;
  const CudaDevice& device_;
  const int64_t block_size_, components_;
  CudaBlocks builder_;
  CudaListing listing_;
  std::vector<CudaBlock> blocks_;  ///< of the engine's list, kept while ago > 0
  int64_t listed_natoms_ = -1, listed_nall_ = -1;
  std::vector<int32_t> types_;  ///< on the host, of the last list
  CudaArray<double> coord_, aparam_, results_, rows_, block_coord_, block_aparam_, row_aparam_;
  CudaArray<double> pinned_in_, pinned_out_;
  CudaArray<int32_t> type_, neighbors_, count_;
  CudaArray<int64_t> first_;
};

}  // namespace dponnx

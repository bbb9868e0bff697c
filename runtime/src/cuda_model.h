// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include "cuda_blocks.h"
#include "cuda_listing.h"
#include "cuda_lists.h"
#include "overflow_sum.h"
#include "run_ports.h"
#include "session.h"

namespace dponnx {

/// What Model does, for a session on a CUDA device: lists, blocks and sums stay there.
///
/// 1. a system of the host: coordinates go through pinned memory, once a call; results come back
///    the same way, once;
/// 2. an engine's list is made into blocks when it changed (cuda_lists.h); without one, neighbours
///    are found, block by block (cuda_listing.h);
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
  /// What all blocks of one evaluation share. Pointers are to the device.
  struct Run {
    const double *coord, *aparam;
    dponnx_result to;  ///< of rows
    int64_t nrows;
    int64_t evaluation;
    OverflowSum& watch;
  };

  void compute_here(const dponnx_system_cuda& system, const dponnx_result& result,
                    int64_t evaluation, OverflowSum& watch);
  void compute_boxed(const dponnx_system_cuda& system, const dponnx_result& result, Run run);
  void evaluate(const CudaBlock& block, const Run& run);
  void clear(const dponnx_result& result, int64_t natoms, int64_t nrows) const;
  dponnx_result room(const dponnx_result& like, int64_t natoms, int64_t nrows,
                     CudaArray<double>& memory) const;
  int64_t length(const dponnx_result& like, int64_t natoms, int64_t nrows) const;

  Session& session_;
  const CudaDevice& device_;
  const int64_t block_size_, components_;
  CudaBlocks builder_;
  CudaLists lists_;
  CudaListing listing_;
  CudaArray<double> coord_, fparam_, aparam_, results_, rows_, block_coord_, block_aparam_,
      row_aparam_;
  CudaArray<double> pinned_in_, pinned_out_;
};

}  // namespace dponnx

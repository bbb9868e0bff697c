// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "block.h"
#include "cuda_model.h"
#include "kept_listing.h"
#include "overflow_sum.h"
#include "run_ports.h"
#include "session.h"

namespace dponnx {

/// A model ready to compute: its session, and the blocks of the engine's last neighbour list.
class Model {
 public:
  /// note: of dponnx_info.
  Model(const Source& source, const dponnx_options& options, const std::string& note);

  const About& about() const { return session_.about(); }
  const dponnx_info& info() const { return info_; }

  /// See dponnx_compute. Throws Error.
  void compute(const dponnx_system& system, const dponnx_result& result);
  /// See dponnx_compute_cuda. Throws Error.
  void compute(const dponnx_system_cuda& system, const dponnx_result& result, void* stream);

  /// See dponnx_overflow.
  const char* overflow(int64_t* tables, int64_t* sel);

 private:
  template <class System>
  void check_sizes(const System& system, bool listed, const dponnx_result& result) const;
  void check(const dponnx_system& system, const dponnx_result& result) const;
  void check(const dponnx_system_cuda& system, const dponnx_result& result) const;
  void evaluate(const dponnx_system& system, const std::vector<Block>& blocks,
                const std::vector<int32_t>* owner, const dponnx_result& result, int64_t n_out);
  std::vector<Ort::Value> run(const dponnx_system& system, const Block& block,
                              const std::vector<int32_t>* owner, const Wanted& wanted);

  std::mutex lock_;
  Session session_;
  dponnx_options options_;
  dponnx_info info_{};
  std::vector<const char*> names_;
  std::string device_, note_;
  int64_t block_size_;
  std::vector<Block> blocks_;  ///< of the engine's list, kept while ago > 0
  int64_t listed_natoms_ = -1, listed_nall_ = -1;
  KeptListing kept_;  ///< of atoms without a list
  int64_t evaluation_ = 0;
  OverflowSum overflow_;
  std::string overflow_text_;
  std::vector<double> coord_, aparam_;  ///< inputs of one block
  std::unique_ptr<CudaModel> on_cuda_;  ///< null: on the CPU
};

}  // namespace dponnx

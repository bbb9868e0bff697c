// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <mutex>

#include "dispatch.h"
#include "env_mat_node.h"
#include "neighbors.h"
#include "ops.h"

namespace dponnx {

namespace {

constexpr int64_t kChunk = 32;  // atoms a task: about 50 us of work

template <class T, int C, bool Mixed>
class ProdEnvMat : public ProdEnvMatPorts<T, C, Mixed> {
 public:
  explicit ProdEnvMat(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>()), node_(info), sec_(node_.sections()) {}

  void run(Ort::KernelContext& context) {
    const int64_t groups = sec_.size() - 1, nnei = sec_.back();
    EnvMatCall<T> call = node_.read(context, this->inputs);
    const Frame<T>& frame = call.frame;
    frame.check_indices();
    EnvMatArgs<T>& args = call.args;
    const int64_t nloc = frame.nloc, ntypes = frame.ntypes;
    std::vector<T> inv_std(ntypes * C * nnei);
    std::transform(call.dstd.data, call.dstd.data + inv_std.size(), inv_std.begin(),
                   [](T std) { return T(1) / std; });
    args.inv_std = inv_std.data();
    const int32_t* atype = frame.list.atype;
    std::vector<int32_t> group;  // of slots, where that is not the type
    if (Mixed) {
      group.resize(frame.nall);
      std::transform(atype, atype + frame.nall, group.begin(),
                     [](int32_t type) { return type < 0 ? -1 : 0; });
      args.center = atype;
      args.atype = group.data();
    }
    int64_t* overflow = call.overflow;
    if (overflow) std::fill_n(overflow, ntypes, 0);
    std::mutex lock;
    parallel_for(context, (nloc + kChunk - 1) / kChunk, [&](int64_t chunk) {
      Placer<T> placer(args);
      std::vector<int64_t> above(ntypes), left(ntypes);
      for (int64_t i = chunk * kChunk; i < std::min(nloc, (chunk + 1) * kChunk); ++i) {
        placer.place(kernels_, i, args.nlist + i * nnei);
        kernels_.template rows<C>().env_rows(args, i);
        if constexpr (Mixed) {
          const int32_t* slots = args.nlist + i * nnei;
          for (int64_t k = 0; k < nnei; ++k) {
            call.nmask[i * nnei + k] = slots[k] >= 0;
            call.ntype[i * nnei + k] = slots[k] < 0 ? ntypes : atype[slots[k]];
          }
          if (overflow) {
            count_left(placer.near(), slots, atype, left);
            for (int64_t t = 0; t < ntypes; ++t) above[t] = std::max(above[t], left[t]);
          }
        }
      }
      if (!overflow) return;
      for (int64_t t = 0; t < groups && !Mixed; ++t) {
        above[t] = placer.most()[t] - (sec_[t + 1] - sec_[t]);
      }
      const std::lock_guard<std::mutex> guard(lock);
      for (int64_t t = 0; t < ntypes; ++t) overflow[t] = std::max(overflow[t], above[t]);
    });
  }

 private:
  /// Of each type, how many of the near atoms found no slot.
  void count_left(std::pair<const int32_t*, int> near, const int32_t* slots, const int32_t* atype,
                  std::vector<int64_t>& left) const {
    std::fill(left.begin(), left.end(), 0);
    if (near.second <= sec_.back()) return;
    for (int k = 0; k < near.second; ++k) ++left[atype[near.first[k]]];
    for (int k = 0; k < sec_.back(); ++k) --left[atype[slots[k]]];
  }

  const KernelsOf<T>& kernels_;
  EnvMatNode<T, C, Mixed> node_;
  const std::vector<int>& sec_;
};

}  // namespace

void add_env_mat_ops(Ort::CustomOpDomain& domain) {
  add_op<ProdEnvMat<float, 4, false>>(domain);
  add_op<ProdEnvMat<double, 4, false>>(domain);
  add_op<ProdEnvMat<float, 1, false>>(domain);
  add_op<ProdEnvMat<double, 1, false>>(domain);
  add_op<ProdEnvMat<float, 4, true>>(domain);
  add_op<ProdEnvMat<double, 4, true>>(domain);
}

}  // namespace dponnx

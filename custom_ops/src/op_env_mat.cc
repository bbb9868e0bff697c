// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <mutex>

#include "dispatch.h"
#include "frame.h"
#include "neighbors.h"
#include "ops.h"

namespace dponnx {

namespace {

constexpr int64_t kChunk = 32;  // atoms a task: about 50 us of work

/// Columns C of the environment matrix: 4 in ProdEnvMatA, 1 in ProdEnvMatR.
template <class T, int C>
class ProdEnvMat {
 public:
  static constexpr const char* name = C == 4 ? "ProdEnvMatA" : "ProdEnvMatR";
  static constexpr Port inputs[] = {
      {"coord", element_type<T>},        {"atype", element_type<int32_t>},
      {"natoms", element_type<int32_t>}, {"nlist", element_type<int32_t>},
      {"davg", element_type<T>},         {"dstd", element_type<T>}};
  static constexpr Port outputs[] = {{"descrpt", element_type<T>},
                                     {"descrpt_deriv", element_type<T>},
                                     {"rij", element_type<T>},
                                     {"nlist", element_type<int32_t>},
                                     {"sel_overflow", element_type<int64_t>, true}};

  explicit ProdEnvMat(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>()),
        cut_(read_switch<T>(info, kRcutSmth, kRcut)),
        sec_(read_sections(info, kSel)) {}

  void run(Ort::KernelContext& context) {
    const int64_t ntypes = sec_.size() - 1, nnei = sec_.back();
    const Frame<T> frame(context, inputs, cut_, sec_);
    const int64_t nloc = frame.nloc;
    const auto davg = get_input<T>(context, inputs, 4, {ntypes, C * nnei});
    const auto dstd = get_input<T>(context, inputs, 5, {ntypes, C * nnei});
    std::vector<T> inv_std(ntypes * C * nnei);
    std::transform(dstd.data, dstd.data + inv_std.size(), inv_std.begin(),
                   [](T std) { return T(1) / std; });
    EnvMatArgs<T> args{};
    static_cast<ListArgs<T>&>(args) = frame.list;
    args.avg = davg.data;
    args.inv_std = inv_std.data();
    args.descrpt = get_output<T>(context, 0, {nloc, C * nnei});
    args.deriv = get_output<T>(context, 1, {nloc, 3 * C * nnei});
    args.rij = get_output<T>(context, 2, {nloc, 3 * nnei});
    args.nlist = get_output<int32_t>(context, 3, {nloc, nnei});
    int64_t* overflow = get_optional_output<int64_t>(context, 4, {ntypes});
    if (overflow) std::fill_n(overflow, ntypes, 0);
    std::mutex lock;
    parallel_for(context, (nloc + kChunk - 1) / kChunk, [&](int64_t chunk) {
      Placer<T> placer(args);
      for (int64_t i = chunk * kChunk; i < std::min(nloc, (chunk + 1) * kChunk); ++i) {
        placer.place(kernels_, i, args.nlist + i * nnei);
        kernels_.template rows<C>().env_rows(args, i);
      }
      if (!overflow) return;
      const std::lock_guard<std::mutex> guard(lock);
      for (int64_t t = 0; t < ntypes; ++t) {
        const int64_t above = placer.most()[t] - (sec_[t + 1] - sec_[t]);
        overflow[t] = std::max(overflow[t], above);
      }
    });
  }

 private:
  static constexpr const char* kRcut = C == 4 ? "rcut_r" : "rcut";
  static constexpr const char* kRcutSmth = C == 4 ? "rcut_r_smth" : "rcut_smth";
  static constexpr const char* kSel = C == 4 ? "sel_a" : "sel";

  const KernelsOf<T>& kernels_;
  Switch<T> cut_;
  std::vector<int> sec_;
};

}  // namespace

void add_env_mat_ops(Ort::CustomOpDomain& domain) {
  add_op<ProdEnvMat<float, 4>>(domain);
  add_op<ProdEnvMat<double, 4>>(domain);
  add_op<ProdEnvMat<float, 1>>(domain);
  add_op<ProdEnvMat<double, 1>>(domain);
}

}  // namespace dponnx

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
/// Mixed (ProdEnvMatAMix): neighbours of all types share the slots, so that the type of each is an
/// output, ntypes where the slot is empty, and nmask tells the slots in use.
template <class T, int C, bool Mixed>
class ProdEnvMat {
 public:
  static constexpr const char* name = Mixed    ? "ProdEnvMatAMix"
                                      : C == 4 ? "ProdEnvMatA"
                                               : "ProdEnvMatR";
  static constexpr Port inputs[] = {
      {"coord", element_type<T>},        {"atype", element_type<int32_t>},
      {"natoms", element_type<int32_t>}, {"nlist", element_type<int32_t>},
      {"davg", element_type<T>},         {"dstd", element_type<T>}};
  static constexpr auto outputs = [] {
    std::array<Port, Mixed ? 7 : 5> ports{};
    size_t k = 0;
    for (const char* real : {"descrpt", "descrpt_deriv", "rij"})
      ports[k++] = {real, element_type<T>};
    ports[k++] = {"nlist", element_type<int32_t>};
    if (Mixed) ports[k++] = {"ntype", element_type<int32_t>};
    if (Mixed) ports[k++] = {"nmask", element_type<bool>};
    ports[k] = {"sel_overflow", element_type<int64_t>, true};
    return ports;
  }();

  explicit ProdEnvMat(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>()),
        cut_(read_switch<T>(info, kRcutSmth, kRcut)),
        sec_(read_sections(info, kSel)) {
    if (Mixed && sec_.size() > 2) {
      fail(Code::invalid_model, kSel, " holds ", sec_.size() - 1,
           " numbers; expected one for all types");
    }
  }

  void run(Ort::KernelContext& context) {
    const int64_t groups = sec_.size() - 1, nnei = sec_.back();
    const Frame<T> frame(context, inputs, cut_, sec_, Mixed);
    frame.check_indices();
    const int64_t nloc = frame.nloc, ntypes = frame.ntypes;
    const auto davg = get_input<T>(context, inputs, 4, {ntypes, C * nnei});
    const auto dstd = get_input<T>(context, inputs, 5, {ntypes, C * nnei});
    std::vector<T> inv_std(ntypes * C * nnei);
    std::transform(dstd.data, dstd.data + inv_std.size(), inv_std.begin(),
                   [](T std) { return T(1) / std; });
    EnvMatArgs<T> args{};
    static_cast<ListArgs<T>&>(args) = frame.list;
    const int32_t* atype = frame.list.atype;
    std::vector<int32_t> group;  // of slots, where that is not the type
    if (Mixed) {
      group.resize(frame.nall);
      std::transform(atype, atype + frame.nall, group.begin(),
                     [](int32_t type) { return type < 0 ? -1 : 0; });
      args.center = atype;
      args.atype = group.data();
    }
    args.avg = davg.data;
    args.inv_std = inv_std.data();
    args.descrpt = get_output<T>(context, 0, {nloc, C * nnei});
    args.deriv = get_output<T>(context, 1, {nloc, 3 * C * nnei});
    args.rij = get_output<T>(context, 2, {nloc, 3 * nnei});
    args.nlist = get_output<int32_t>(context, 3, {nloc, nnei});
    int32_t* ntype = Mixed ? get_output<int32_t>(context, 4, {nloc, nnei}) : nullptr;
    bool* nmask = Mixed ? get_output<bool>(context, 5, {nloc, nnei}) : nullptr;
    int64_t* overflow = get_optional_output<int64_t>(context, Mixed ? 6 : 4, {ntypes});
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
            nmask[i * nnei + k] = slots[k] >= 0;
            ntype[i * nnei + k] = slots[k] < 0 ? ntypes : atype[slots[k]];
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

  static constexpr const char* kRcut = C == 4 ? "rcut_r" : "rcut";
  static constexpr const char* kRcutSmth = C == 4 ? "rcut_r_smth" : "rcut_smth";
  static constexpr const char* kSel = C == 4 ? "sel_a" : "sel";

  const KernelsOf<T>& kernels_;
  Switch<T> cut_;
  std::vector<int> sec_;
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

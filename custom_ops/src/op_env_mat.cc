// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <mutex>

#include "dispatch.h"
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
        cut_{T(info.GetAttribute<float>(kRcutSmth)), T(info.GetAttribute<float>(kRcut))} {
    if (!(cut_.rmin >= 0 && cut_.rmin < cut_.rmax)) {
      fail(Code::invalid_model, kRcutSmth, " = ", cut_.rmin, ", ", kRcut, " = ", cut_.rmax,
           "; expected 0 <= ", kRcutSmth, " < ", kRcut);
    }
    const auto sel = info.GetAttributes<int64_t>(kSel);
    for (int64_t n : sel) {
      if (n < 0 || n > 1000000 - sec_.back()) {
        fail(Code::invalid_model, kSel, " holds ", n, "; expected >= 0 and a sum up to 1000000");
      }
      sec_.push_back(sec_.back() + static_cast<int>(n));
    }
    if (sel.empty() || (Mixed && sel.size() > 1)) {
      fail(Code::invalid_model, kSel, " holds ", sel.size(), " numbers; expected one",
           Mixed ? " for all types" : " a type");
    }
  }

  void run(Ort::KernelContext& context) {
    const int64_t groups = sec_.size() - 1, nnei = sec_.back();
    const auto natoms = get_input<int32_t>(context, inputs, 2, {Mixed ? -1 : 2 + groups});
    const auto [nloc, nall] = read_natoms(natoms);
    const int64_t ntypes = natoms.shape[0] - 2;
    const auto coord = get_input<T>(context, inputs, 0, {nall, 3});
    const auto atype = get_input<int32_t>(context, inputs, 1, {nall});
    const auto nlist = get_input<int32_t>(context, inputs, 3, {nloc, -1});
    const auto davg = get_input<T>(context, inputs, 4, {ntypes, C * nnei});
    const auto dstd = get_input<T>(context, inputs, 5, {ntypes, C * nnei});
    check_range(atype, INT32_MIN, ntypes - 1, "at most ntypes-1");
    check_range(nlist, -1, nall - 1, "-1 or 0..nall-1");

    std::vector<T> inv_std(ntypes * C * nnei);
    std::transform(dstd.data, dstd.data + inv_std.size(), inv_std.begin(),
                   [](T std) { return T(1) / std; });
    EnvMatArgs<T> args{};
    args.coord = coord.data;
    std::vector<int32_t> group;  // of slots, where that is not the type
    if (Mixed) {
      group.resize(nall);
      std::transform(atype.data, atype.data + nall, group.begin(),
                     [](int32_t type) { return type < 0 ? -1 : 0; });
      args.center = atype.data;
    }
    args.atype = Mixed ? group.data() : atype.data;
    args.nlist_in = nlist.data;
    args.nnei_in = nlist.shape[1];
    args.avg = davg.data;
    args.inv_std = inv_std.data();
    args.cut = cut_;
    args.sec = sec_.data();
    args.ntypes = static_cast<int>(groups);
    args.descrpt = get_output<T>(context, 0, {nloc, C * nnei});
    args.deriv = get_output<T>(context, 1, {nloc, 3 * C * nnei});
    args.rij = get_output<T>(context, 2, {nloc, 3 * nnei});
    args.nlist = get_output<int32_t>(context, 3, {nloc, nnei});
    int32_t* ntype = Mixed ? get_output<int32_t>(context, 4, {nloc, nnei}) : nullptr;
    bool* nmask = Mixed ? get_output<bool>(context, 5, {nloc, nnei}) : nullptr;
    int64_t* overflow = get_optional_output<int64_t>(context, Mixed ? 6 : 4, {ntypes});
    if (overflow) std::fill_n(overflow, ntypes, 0);
    std::mutex lock;
    parallel_for(context, (nloc + kChunk - 1) / kChunk, [&, nloc = nloc](int64_t chunk) {
      Placer<T> placer(args);
      std::vector<int64_t> above(ntypes), left(ntypes);
      for (int64_t i = chunk * kChunk; i < std::min(nloc, (chunk + 1) * kChunk); ++i) {
        placer.place(kernels_, i);
        kernels_.template rows<C>().env_rows(args, i);
        if constexpr (Mixed) {
          const int32_t* slots = args.nlist + i * nnei;
          for (int64_t k = 0; k < nnei; ++k) {
            nmask[i * nnei + k] = slots[k] >= 0;
            ntype[i * nnei + k] = slots[k] < 0 ? ntypes : atype.data[slots[k]];
          }
          if (overflow) {
            count_left(placer.near(), slots, atype.data, left);
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
  std::vector<int> sec_{0};
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

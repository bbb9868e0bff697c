// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "dispatch.h"
#include "neighbors.h"
#include "ops.h"

namespace dponnx {

namespace {

constexpr int64_t kChunk = 32;  // atoms a task: about 50 us of work

template <class T>
class ProdEnvMatA {
 public:
  static constexpr const char* name = "ProdEnvMatA";
  static constexpr Port inputs[] = {
      {"coord", element_type<T>},        {"atype", element_type<int32_t>},
      {"natoms", element_type<int32_t>}, {"nlist", element_type<int32_t>},
      {"davg", element_type<T>},         {"dstd", element_type<T>}};
  static constexpr Port outputs[] = {{"descrpt", element_type<T>},
                                     {"descrpt_deriv", element_type<T>},
                                     {"rij", element_type<T>},
                                     {"nlist", element_type<int32_t>}};

  explicit ProdEnvMatA(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>()),
        cut_{T(info.GetAttribute<float>("rcut_r_smth")), T(info.GetAttribute<float>("rcut_r"))} {
    if (!(cut_.rmin >= 0 && cut_.rmin < cut_.rmax)) {
      fail(Code::invalid_model, "rcut_r_smth = ", cut_.rmin, ", rcut_r = ", cut_.rmax,
           "; expected 0 <= rcut_r_smth < rcut_r");
    }
    const auto sel = info.GetAttributes<int64_t>("sel_a");
    for (int64_t n : sel) {
      if (n < 0 || n > 1000000 - sec_.back()) {
        fail(Code::invalid_model, "sel_a holds ", n, "; expected >= 0 and a sum up to 1000000");
      }
      sec_.push_back(sec_.back() + static_cast<int>(n));
    }
    if (sel.empty()) fail(Code::invalid_model, "sel_a is empty; expected one number a type");
  }

  void run(Ort::KernelContext& context) {
    const int64_t ntypes = sec_.size() - 1, nnei = sec_.back();
    const auto natoms = get_input<int32_t>(context, inputs, 2, {2 + ntypes});
    const auto [nloc, nall] = read_natoms(natoms);
    const auto coord = get_input<T>(context, inputs, 0, {nall, 3});
    const auto atype = get_input<int32_t>(context, inputs, 1, {nall});
    const auto nlist = get_input<int32_t>(context, inputs, 3, {nloc, -1});
    const auto davg = get_input<T>(context, inputs, 4, {ntypes, 4 * nnei});
    const auto dstd = get_input<T>(context, inputs, 5, {ntypes, 4 * nnei});
    check_range(atype, INT32_MIN, ntypes - 1, "at most ntypes-1");
    check_range(nlist, -1, nall - 1, "-1 or 0..nall-1");

    std::vector<T> inv_std(ntypes * 4 * nnei);
    std::transform(dstd.data, dstd.data + inv_std.size(), inv_std.begin(),
                   [](T std) { return T(1) / std; });
    EnvMatArgs<T> args{};
    args.coord = coord.data;
    args.atype = atype.data;
    args.nlist_in = nlist.data;
    args.nnei_in = nlist.shape[1];
    args.avg = davg.data;
    args.inv_std = inv_std.data();
    args.cut = cut_;
    args.sec = sec_.data();
    args.ntypes = static_cast<int>(ntypes);
    args.descrpt = get_output<T>(context, 0, {nloc, 4 * nnei});
    args.deriv = get_output<T>(context, 1, {nloc, 12 * nnei});
    args.rij = get_output<T>(context, 2, {nloc, 3 * nnei});
    args.nlist = get_output<int32_t>(context, 3, {nloc, nnei});
    parallel_for(context, (nloc + kChunk - 1) / kChunk, [&, nloc = nloc](int64_t chunk) {
      Placer<T> placer(args);
      for (int64_t i = chunk * kChunk; i < std::min(nloc, (chunk + 1) * kChunk); ++i) {
        placer.place(kernels_, i);
        kernels_.env_rows(args, i);
      }
    });
  }

 private:
  const KernelsOf<T>& kernels_;
  Switch<T> cut_;
  std::vector<int> sec_{0};
};

}  // namespace

void add_env_mat_ops(Ort::CustomOpDomain& domain) {
  add_op<ProdEnvMatA<float>>(domain);
  add_op<ProdEnvMatA<double>>(domain);
}

}  // namespace dponnx

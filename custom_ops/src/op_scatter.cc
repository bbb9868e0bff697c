// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "batches.h"
#include "dispatch.h"
#include "ops.h"

namespace dponnx {

namespace {

/// Reads net_deriv, in_deriv, nlist, natoms at the given places and checks them. nnei = -1: nlist
/// tells it.
template <class T, int C>
struct Scatter {
  ScatterArgs<T> args{};
  int64_t nloc, nall;

  Scatter(const Ort::KernelContext& context, const Port* ports, size_t nlist_at, int64_t nnei) {
    const auto natoms = read_natoms(get_input<int32_t>(context, ports, nlist_at + 1, {-1}));
    nloc = natoms[0];
    nall = natoms[1];
    const auto nlist = get_input<int32_t>(context, ports, nlist_at, {nloc, nnei});
    check_range(nlist, -1, nall - 1, "-1 or 0..nall-1");
    args.nlist = nlist.data;
    args.nnei = nlist.shape[1];
    args.net_deriv = get_input<T>(context, ports, 0, {nloc, C * args.nnei}).data;
    args.in_deriv = get_input<T>(context, ports, 1, {nloc, 3 * C * args.nnei}).data;
  }
};

/// nnei of the se_e2_a operators; those of se_e2_r have no such attribute: -1.
template <int C>
int64_t read_nnei(const Ort::ConstKernelInfo& info) {
  if (C == 1) return -1;
  const int64_t n = info.GetAttribute<int64_t>("n_a_sel"),
                r = info.GetAttribute<int64_t>("n_r_sel");
  if (n < 0 || r != 0) {
    fail(Code::invalid_model, "n_a_sel = ", n, ", n_r_sel = ", r, "; expected >= 0 and 0");
  }
  return n;
}

template <class T, int C>
class ProdForce {
 public:
  static constexpr const char* name = C == 4 ? "ProdForceSeA" : "ProdForceSeR";
  static constexpr Port inputs[] = {{"net_deriv", element_type<T>},
                                    {"in_deriv", element_type<T>},
                                    {"nlist", element_type<int32_t>},
                                    {"natoms", element_type<int32_t>}};
  static constexpr Port outputs[] = {{"force", element_type<T>}};

  explicit ProdForce(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>().template rows<C>()), nnei_(read_nnei<C>(info)) {}

  void run(Ort::KernelContext& context) {
    const Scatter<T, C> in(context, inputs, 2, nnei_);
    const Batches batches(in.nloc, 128, 8);
    BatchArrays<T> force(batches, get_output<T>(context, 0, {in.nall, 3}), 3 * in.nall);
    parallel_for(context, batches.count(), [&](int64_t b) {
      kernels_.force(in.args, batches.begin(b), batches.begin(b + 1), force.zeros(b));
    });
    force.sum(context);
  }

 private:
  const RowKernels<T>& kernels_;
  int64_t nnei_;
};

template <class T, int C>
class ProdVirial {
 public:
  static constexpr const char* name = C == 4 ? "ProdVirialSeA" : "ProdVirialSeR";
  static constexpr Port inputs[] = {
      {"net_deriv", element_type<T>},    {"in_deriv", element_type<T>},
      {"rij", element_type<T>},          {"nlist", element_type<int32_t>},
      {"natoms", element_type<int32_t>}, {"want_atom_virial", element_type<bool>, true}};
  static constexpr Port outputs[] = {{"virial", element_type<T>}, {"atom_virial", element_type<T>}};

  explicit ProdVirial(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>().template rows<C>()), nnei_(read_nnei<C>(info)) {}

  void run(Ort::KernelContext& context) {
    Scatter<T, C> in(context, inputs, 3, nnei_);
    in.args.rij = get_input<T>(context, inputs, 2, {in.nloc, 3 * in.args.nnei}).data;
    bool per_atom = true;
    if (context.GetInputCount() > 5 && context.GetInput(5)) {
      per_atom = *get_input<bool>(context, inputs, 5, {1}).data;
    }
    const int64_t n_out = per_atom ? in.nall : 0;
    const Batches batches(in.nloc, 128, 8);
    BatchArrays<T> virial(batches, get_output<T>(context, 0, {9}), 9);
    BatchArrays<T> atom_virial(batches, get_output<T>(context, 1, {n_out, 9}), 9 * n_out);
    parallel_for(context, batches.count(), [&](int64_t b) {
      T* per_atom_sums = atom_virial.zeros(b);
      kernels_.virial(in.args, batches.begin(b), batches.begin(b + 1), virial.zeros(b),
                      per_atom ? per_atom_sums : nullptr);
    });
    virial.sum(context);
    atom_virial.sum(context);
  }

 private:
  const RowKernels<T>& kernels_;
  int64_t nnei_;
};

}  // namespace

void add_scatter_ops(Ort::CustomOpDomain& domain) {
  add_op<ProdForce<float, 4>>(domain);
  add_op<ProdForce<double, 4>>(domain);
  add_op<ProdForce<float, 1>>(domain);
  add_op<ProdForce<double, 1>>(domain);
  add_op<ProdVirial<float, 4>>(domain);
  add_op<ProdVirial<double, 4>>(domain);
  add_op<ProdVirial<float, 1>>(domain);
  add_op<ProdVirial<double, 1>>(domain);
}

}  // namespace dponnx

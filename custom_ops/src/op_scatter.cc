// SPDX-License-Identifier: LGPL-3.0-or-later
#include "batches.h"
#include "dispatch.h"
#include "ops.h"
#include "scatter_node.h"

namespace dponnx {

namespace {

/// Those inputs, nlist checked too.
template <class T, int C>
ScatterInputs<T, C> read_scatter(const Ort::KernelContext& context, const Port* ports,
                                 bool with_virial, int64_t nnei) {
  ScatterInputs<T, C> in(context, ports, with_virial, nnei);
  check_range(in.nlist, -1, in.nall - 1, "-1 or 0..nall-1");
  return in;
}

template <class T, int C>
class ProdForce : public ProdForcePorts<T, C> {
 public:
  explicit ProdForce(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>().template rows<C>()), nnei_(read_nnei<C>(info)) {}

  void run(Ort::KernelContext& context) {
    const auto in = read_scatter<T, C>(context, this->inputs, false, nnei_);
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
class ProdVirial : public ProdVirialPorts<T, C> {
 public:
  explicit ProdVirial(Ort::ConstKernelInfo info)
      : kernels_(kernels().of<T>().template rows<C>()), nnei_(read_nnei<C>(info)) {}

  void run(Ort::KernelContext& context) {
    const auto in = read_scatter<T, C>(context, this->inputs, true, nnei_);
    const int64_t n_out = in.want_atom_virial ? in.nall : 0;
    const Batches batches(in.nloc, 128, 8);
    BatchArrays<T> virial(batches, get_output<T>(context, 0, {9}), 9);
    BatchArrays<T> atom_virial(batches, get_output<T>(context, 1, {n_out, 9}), 9 * n_out);
    parallel_for(context, batches.count(), [&](int64_t b) {
      T* per_atom_sums = atom_virial.zeros(b);
      kernels_.virial(in.args, batches.begin(b), batches.begin(b + 1), virial.zeros(b),
                      in.want_atom_virial ? per_atom_sums : nullptr);
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

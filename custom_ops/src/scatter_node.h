// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "kernel_args.h"
#include "ort.h"

/// What ProdForceSe{A,R} and ProdVirialSe{A,R} of all devices read. C: columns of the environment
/// matrix, 4 in A, 1 in R.
namespace dponnx {

template <class T, int C>
struct ProdForcePorts {
  static constexpr const char* name = C == 4 ? "ProdForceSeA" : "ProdForceSeR";
  static constexpr Port inputs[] = {{"net_deriv", element_type<T>},
                                    {"in_deriv", element_type<T>},
                                    {"nlist", element_type<int32_t>},
                                    {"natoms", element_type<int32_t>}};
  static constexpr Port outputs[] = {{"force", element_type<T>}};
};

template <class T, int C>
struct ProdVirialPorts {
  static constexpr const char* name = C == 4 ? "ProdVirialSeA" : "ProdVirialSeR";
  static constexpr Port inputs[] = {
      {"net_deriv", element_type<T>},    {"in_deriv", element_type<T>},
      {"rij", element_type<T>},          {"nlist", element_type<int32_t>},
      {"natoms", element_type<int32_t>}, {"want_atom_virial", element_type<bool>, true}};
  static constexpr Port outputs[] = {{"virial", element_type<T>}, {"atom_virial", element_type<T>}};
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

/// The inputs, their shapes checked; natoms has to be on the host.
template <class T, int C>
struct ScatterInputs {
  ScatterArgs<T> args{};
  int64_t nloc, nall;
  Input<int32_t> nlist;
  bool want_atom_virial = true;

  /// Ports: ProdVirialPorts if with_virial, else ProdForcePorts. nnei = -1: nlist tells it.
  ScatterInputs(const Ort::KernelContext& context, const Port* ports, bool with_virial,
                int64_t nnei) {
    const size_t nlist_at = with_virial ? 3 : 2;
    const auto natoms = read_natoms(get_input<int32_t>(context, ports, nlist_at + 1, {-1}));
    nloc = natoms[0];
    nall = natoms[1];
    nlist = get_input<int32_t>(context, ports, nlist_at, {nloc, nnei});
    args.nlist = nlist.data;
    args.nnei = nlist.shape[1];
    args.net_deriv = get_input<T>(context, ports, 0, {nloc, C * args.nnei}).data;
    args.in_deriv = get_input<T>(context, ports, 1, {nloc, 3 * C * args.nnei}).data;
    if (!with_virial) return;
    args.rij = get_input<T>(context, ports, 2, {nloc, 3 * args.nnei}).data;
    if (context.GetInputCount() > 5 && context.GetInput(5)) {
      want_atom_virial = *get_input<bool>(context, ports, 5, {1}).data;
    }
  }
};

}  // namespace dponnx

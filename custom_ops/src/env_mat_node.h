// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <array>

#include "frame.h"

/// What ProdEnvMat{A,AMix,R} of all devices read. C: columns of the environment matrix, 4 in A, 1
/// in R. Mixed (AMix): neighbours of all types share the slots, so that the type of each is an
/// output, ntypes where the slot is empty, and nmask tells the slots in use.
namespace dponnx {

template <class T, int C, bool Mixed>
struct ProdEnvMatPorts {
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
};

/// Inputs and outputs of one evaluation, their shapes checked.
template <class T>
struct EnvMatCall {
  Frame<T> frame;
  EnvMatArgs<T> args;  ///< but for inv_std and center
  Input<T> dstd;
  int32_t* ntype;     ///< [nloc, nnei], mixed only
  bool* nmask;        ///< the same
  int64_t* overflow;  ///< [ntypes] or null
};

/// Attributes of a node, and its inputs and outputs.
template <class T, int C, bool Mixed>
class EnvMatNode {
 public:
  explicit EnvMatNode(const Ort::ConstKernelInfo& info)
      : cut_(read_switch<T>(info, kRcutSmth, kRcut)), sec_(read_sections(info, kSel)) {
    if (Mixed && sec_.size() > 2) {
      fail(Code::invalid_model, kSel, " holds ", sec_.size() - 1,
           " numbers; expected one for all types");
    }
  }

  /// First slot of each group, and the end of the last.
  const std::vector<int>& sections() const { return sec_; }

  EnvMatCall<T> read(const Ort::KernelContext& context, const Port* ports) const {
    const int64_t nnei = sec_.back();
    EnvMatCall<T> call{{context, ports, cut_, sec_, Mixed}, {}, {}, nullptr, nullptr, nullptr};
    const int64_t nloc = call.frame.nloc, ntypes = call.frame.ntypes;
    EnvMatArgs<T>& args = call.args;
    static_cast<ListArgs<T>&>(args) = call.frame.list;
    args.avg = get_input<T>(context, ports, 4, {ntypes, C * nnei}).data;
    call.dstd = get_input<T>(context, ports, 5, {ntypes, C * nnei});
    args.descrpt = get_output<T>(context, 0, {nloc, C * nnei});
    args.deriv = get_output<T>(context, 1, {nloc, 3 * C * nnei});
    args.rij = get_output<T>(context, 2, {nloc, 3 * nnei});
    args.nlist = get_output<int32_t>(context, 3, {nloc, nnei});
    if (Mixed) call.ntype = get_output<int32_t>(context, 4, {nloc, nnei});
    if (Mixed) call.nmask = get_output<bool>(context, 5, {nloc, nnei});
    call.overflow = get_optional_output<int64_t>(context, Mixed ? 6 : 4, {ntypes});
    return call;
  }

 private:
  static constexpr const char* kRcut = C == 4 ? "rcut_r" : "rcut";
  static constexpr const char* kRcutSmth = C == 4 ? "rcut_r_smth" : "rcut_smth";
  static constexpr const char* kSel = C == 4 ? "sel_a" : "sel";

  Switch<T> cut_;
  std::vector<int> sec_;
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <type_traits>
#include <vector>

#include "dispatch.h"
#include "frame.h"
#include "laid_table.h"

namespace dponnx {

/// Ports that a descriptor and its gradient share, then those given.
template <class E, class T, size_t N>
constexpr std::array<Port, 9 + N> descriptor_ports(const std::array<Port, N>& more) {
  std::array<Port, 9 + N> ports = {{{"coord", element_type<E>},
                                    {"atype", element_type<int32_t>},
                                    {"natoms", element_type<int32_t>},
                                    {"nlist", element_type<int32_t>},
                                    {"davg", element_type<E>},
                                    {"dstd", element_type<E>},
                                    {"table", element_type<T>},
                                    {"table_info", element_type<T>},
                                    {"scale", element_type<T>}}};
  for (size_t k = 0; k < N; ++k) ports[9 + k] = more[k];
  return ports;
}

/// Name and ports of a descriptor.
template <class E, class T, Descriptor K>
struct DescriptorSumPorts {
  static constexpr const char* name = K == Descriptor::se_a   ? "DescriptorSeA"
                                      : K == Descriptor::se_t ? "DescriptorSeT"
                                                              : "DescriptorSeR";
  static constexpr auto inputs =
      descriptor_ports<E, T>(std::array{Port{"evaluation", element_type<int64_t>, true}});
  static constexpr Port outputs[] = {{"descriptor", element_type<T>},
                                     {"table_overflow", element_type<int64_t>, true},
                                     {"sel_overflow", element_type<int64_t>, true}};
};

/// Those of its gradient.
template <class E, class T, Descriptor K>
struct DescriptorGradPorts {
  static constexpr const char* name = K == Descriptor::se_a   ? "DescriptorSeAGrad"
                                      : K == Descriptor::se_t ? "DescriptorSeTGrad"
                                                              : "DescriptorSeRGrad";
  static constexpr auto inputs = descriptor_ports<E, T>(
      std::array{Port{"dy", element_type<T>}, Port{"want_atom_virial", element_type<bool>, true}});
  static constexpr Port outputs[] = {
      {"force", element_type<E>}, {"virial", element_type<E>}, {"atom_virial", element_type<E>}};
  static constexpr size_t dy_at = inputs.size() - 2, want_at = inputs.size() - 1;

  /// The input want_atom_virial, true if it is not given.
  static bool wants_atom_virial(const Ort::KernelContext& context) {
    if (context.GetInputCount() <= want_at || !context.GetInput(want_at)) return true;
    return *get_input<bool>(context, inputs.data(), want_at, {1}).data;
  }
};

/// Which descriptor, in which element types.
template <class Environment, class Table, Descriptor K>
struct DescriptorTypes {
  using E = Environment;
  using T = Table;
  static constexpr Descriptor kind = K;
};

/// f(DescriptorTypes) for each that there are operators of.
template <class F>
void for_each_descriptor(const F& f) {
  const auto each_precision = [&](auto kind) {
    constexpr Descriptor K = decltype(kind)::value;
    f(DescriptorTypes<float, float, K>{});
    f(DescriptorTypes<double, double, K>{});
    f(DescriptorTypes<double, float, K>{});
  };
  each_precision(std::integral_constant<Descriptor, Descriptor::se_a>{});
  each_precision(std::integral_constant<Descriptor, Descriptor::se_r>{});
  each_precision(std::integral_constant<Descriptor, Descriptor::se_t>{});
}

/// What a descriptor and its gradient share, read from attributes and constants: cutoffs,
/// statistics, tables. E and T: descriptor.h.
template <class E, class T>
struct DescriptorConstants {
  /// Fails if attributes or constants do not fit together.
  DescriptorConstants(const Ort::ConstKernelInfo& info, Descriptor kind);

  /// Shape of the descriptor of nloc atoms.
  std::vector<int64_t> shape(int64_t nloc) const;
  int64_t n_tables() const { return static_cast<int64_t>(grids.size()); }

  Descriptor kind;
  Switch<E> cut;
  std::vector<int> sec;
  int width;
  int64_t n_rows = 0;
  const T* table;  ///< [n_rows, 6 width] as the node has it, while the session lives
  std::vector<TableGrid<T>> grids;
  std::vector<T> scale;
  std::vector<PairKind<E>> kinds;
  std::vector<int> table_of;
  double frequency;

 private:
  void read_tables(const Ort::ConstKernelInfo& info);
  void read_pairs(const Ort::ConstKernelInfo& info);
};

/// The same with the tables laid for the kernels of this machine.
template <class E, class T>
class DescriptorNode {
 public:
  DescriptorNode(const Ort::ConstKernelInfo& info, Descriptor kind);

  /// coord, atype, natoms, nlist, checked.
  Frame<E> frame(const Ort::KernelContext& context, const Port* ports) const;
  /// Arguments of the kernels, but for out or dy.
  DescriptorArgs<E, T> args(const Frame<E>& frame) const;
  const DescriptorConstants<E, T>& constants() const { return constants_; }
  const DescriptorKernels<E, T>& kernels() const {
    const DescriptorKernelsOf<E, T>& all = dponnx::kernels().descriptors<E, T>();
    const Descriptor kind = constants_.kind;
    return kind == Descriptor::se_a ? all.se_a : kind == Descriptor::se_t ? all.se_t : all.se_r;
  }

 private:
  DescriptorConstants<E, T> constants_;
  std::shared_ptr<const LaidTable<T>> laid_;
  std::vector<TableView<T>> tables_;
};

#define DPONNX_DESCRIPTOR_NODE(E, T)                \
  extern template struct DescriptorConstants<E, T>; \
  extern template class DescriptorNode<E, T>;
DPONNX_DESCRIPTOR_NODE(float, float)
DPONNX_DESCRIPTOR_NODE(double, double)
DPONNX_DESCRIPTOR_NODE(double, float)
#undef DPONNX_DESCRIPTOR_NODE

}  // namespace dponnx

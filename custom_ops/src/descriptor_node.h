// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "dispatch.h"
#include "frame.h"
#include "laid_table.h"

namespace dponnx {

/// Kinds of descriptor, as DeePMD-kit names them: se_e2_a, se_e3, se_e2_r.
enum class Descriptor { se_a, se_t, se_r };

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

/// What a descriptor and its gradient share: cutoffs, statistics, tables. E and T: descriptor.h.
template <class E, class T>
class DescriptorNode {
 public:
  /// Fails if attributes or constants do not fit together.
  DescriptorNode(const Ort::ConstKernelInfo& info, Descriptor kind);

  /// coord, atype, natoms, nlist, checked.
  Frame<E> frame(const Ort::KernelContext& context, const Port* ports) const {
    return Frame<E>(context, ports, cut_, sec_);
  }
  /// Arguments of the kernels, but for out or dy.
  DescriptorArgs<E, T> args(const Frame<E>& frame) const;

  /// Shape of the descriptor of nloc atoms.
  std::vector<int64_t> shape(int64_t nloc) const;

  Descriptor kind() const { return kind_; }
  double frequency() const { return frequency_; }
  int64_t n_tables() const { return static_cast<int64_t>(tables_.size()); }
  int64_t n_rows() const { return n_rows_; }
  const DescriptorKernels<E, T>& kernels() const {
    const DescriptorKernelsOf<E, T>& all = dponnx::kernels().descriptors<E, T>();
    return kind_ == Descriptor::se_a ? all.se_a : kind_ == Descriptor::se_t ? all.se_t : all.se_r;
  }

 private:
  void read_tables(const Ort::ConstKernelInfo& info);
  void read_pairs(const Ort::ConstKernelInfo& info);

  Descriptor kind_;
  Switch<E> cut_;
  std::vector<int> sec_;
  std::shared_ptr<const LaidTable<T>> laid_;
  std::vector<TableView<T>> tables_;
  std::vector<T> scale_;
  std::vector<PairKind<E>> kinds_;
  std::vector<int> table_of_;
  double frequency_;
  int64_t n_rows_ = 0;
};

extern template class DescriptorNode<float, float>;
extern template class DescriptorNode<double, double>;
extern template class DescriptorNode<double, float>;

}  // namespace dponnx

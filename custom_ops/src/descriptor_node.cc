// SPDX-License-Identifier: LGPL-3.0-or-later
#include "descriptor_node.h"

#include "table_input.h"

namespace dponnx {

template <class E, class T>
DescriptorConstants<E, T>::DescriptorConstants(const Ort::ConstKernelInfo& info, Descriptor kind)
    : kind(kind), cut(read_switch<E>(info, "rcut_smth", "rcut")), sec(read_sections(info, "sel")) {
  read_tables(info);
  read_pairs(info);
}

template <class E, class T>
void DescriptorConstants<E, T>::read_tables(const Ort::ConstKernelInfo& info) {
  const auto n_left = info.GetAttributes<int64_t>("n_left");
  const auto n_fine = info.GetAttributes<int64_t>("n_fine");
  const auto n_coarse = info.GetAttributes<int64_t>("n_coarse");
  const size_t n = n_fine.size();
  if (n == 0 || n_left.size() != n || n_coarse.size() != n) {
    fail(Code::invalid_model, "n_left, n_fine, n_coarse have ", n_left.size(), ", ", n, ", ",
         n_coarse.size(), " entries; expected one a table each");
  }
  const int64_t count = static_cast<int64_t>(n);
  const T* infos = constant_input<T>(info, 7, "table_info", {count, 6});
  const T* factors = constant_input<T>(info, 8, "scale", {count});
  scale.assign(factors, factors + n);
  frequency = infos[5];
  width = checked_count("last_layer_size", info.GetAttribute<int64_t>("last_layer_size"), 1);
  for (size_t k = 0; k < n; ++k) {
    grids.push_back(checked_grid(infos + 6 * k, n_left[k], n_fine[k], n_coarse[k]));
    n_rows += grids.back().n_rows();
  }
  table = constant_input<T>(info, 6, "table", {n_rows, 6 * int64_t(width)});
}

template <class E, class T>
void DescriptorConstants<E, T>::read_pairs(const Ort::ConstKernelInfo& info) {
  const int64_t ntypes = sec.size() - 1, columns = kind == Descriptor::se_r ? 1 : 4;
  const bool triples = kind == Descriptor::se_t;
  const auto pairs = info.GetAttributes<int64_t>("pairs");
  const int64_t expected = ntypes * ntypes * (triples ? ntypes : 1);
  if (static_cast<int64_t>(pairs.size()) != expected) {
    fail(Code::invalid_model, "pairs has ", pairs.size(), " entries; expected ", expected);
  }
  for (int64_t number : pairs) {
    if (number < -1 || number >= n_tables()) {
      fail(Code::invalid_model, "pairs holds ", number, "; expected -1..", n_tables() - 1);
    }
    table_of.push_back(static_cast<int>(number));
  }
  const E* davg = constant_input<E>(info, 4, "davg", {ntypes, ntypes, columns});
  const E* dstd = constant_input<E>(info, 5, "dstd", {ntypes, ntypes, columns});
  for (int64_t pair = 0; pair < ntypes * ntypes; ++pair) {
    PairKind<E> of_pair{triples ? -1 : table_of[pair], {}, {}};
    for (int64_t c = 0; c < columns; ++c) {
      of_pair.avg[c] = davg[pair * columns + c];
      of_pair.inv_std[c] = E(1) / dstd[pair * columns + c];
    }
    kinds.push_back(of_pair);
  }
}

template <class E, class T>
std::vector<int64_t> DescriptorConstants<E, T>::shape(int64_t nloc) const {
  if (kind == Descriptor::se_a) return {nloc, 4, width};
  return {nloc, width};
}

template <class E, class T>
DescriptorNode<E, T>::DescriptorNode(const Ort::ConstKernelInfo& info, Descriptor kind)
    : constants_(info, kind),
      laid_(shared_table(constants_.table, constants_.n_rows, constants_.width, dponnx::kernels())),
      tables_(stacked_views(laid_->view({}), constants_.grids)) {}

template <class E, class T>
Frame<E> DescriptorNode<E, T>::frame(const Ort::KernelContext& context, const Port* ports) const {
  const Frame<E> frame(context, ports, constants_.cut, constants_.sec);
  frame.check_indices();
  return frame;
}

template <class E, class T>
DescriptorArgs<E, T> DescriptorNode<E, T>::args(const Frame<E>& frame) const {
  DescriptorArgs<E, T> args{};
  static_cast<ListArgs<E>&>(args) = frame.list;
  args.kinds = constants_.kinds.data();
  args.table_of = constants_.table_of.data();
  args.tables = tables_.data();
  args.scale = constants_.scale.data();
  return args;
}

#define DPONNX_INSTANTIATE(E, T)             \
  template struct DescriptorConstants<E, T>; \
  template class DescriptorNode<E, T>;
DPONNX_INSTANTIATE(float, float)
DPONNX_INSTANTIATE(double, double)
DPONNX_INSTANTIATE(double, float)

}  // namespace dponnx

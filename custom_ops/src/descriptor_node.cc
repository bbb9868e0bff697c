// SPDX-License-Identifier: LGPL-3.0-or-later
#include "descriptor_node.h"

#include "table_input.h"

namespace dponnx {

template <class E, class T>
DescriptorNode<E, T>::DescriptorNode(const Ort::ConstKernelInfo& info, Descriptor kind)
    : kind_(kind),
      cut_(read_switch<E>(info, "rcut_smth", "rcut")),
      sec_(read_sections(info, "sel")) {
  read_tables(info);
  read_pairs(info);
}

template <class E, class T>
void DescriptorNode<E, T>::read_tables(const Ort::ConstKernelInfo& info) {
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
  const T* scale = constant_input<T>(info, 8, "scale", {count});
  scale_.assign(scale, scale + n);
  frequency_ = infos[5];
  const int width =
      checked_count("last_layer_size", info.GetAttribute<int64_t>("last_layer_size"), 1);
  std::vector<TableGrid<T>> grids;
  for (size_t k = 0; k < n; ++k) {
    grids.push_back(checked_grid(infos + 6 * k, n_left[k], n_fine[k], n_coarse[k]));
    n_rows_ += grids.back().n_rows();
  }
  const T* table = constant_input<T>(info, 6, "table", {n_rows_, 6 * int64_t(width)});
  laid_ = shared_table(table, n_rows_, width, dponnx::kernels());
  int64_t row = 0;
  for (const TableGrid<T>& grid : grids) {
    tables_.push_back(laid_->view(grid));
    tables_.back().coef += row * tables_.back().row_size;
    tables_.back().first_row = static_cast<int>(row);
    row += grid.n_rows();
  }
}

template <class E, class T>
void DescriptorNode<E, T>::read_pairs(const Ort::ConstKernelInfo& info) {
  const int64_t ntypes = sec_.size() - 1, columns = kind_ == Descriptor::se_r ? 1 : 4;
  const bool triples = kind_ == Descriptor::se_t;
  const auto pairs = info.GetAttributes<int64_t>("pairs");
  const int64_t expected = ntypes * ntypes * (triples ? ntypes : 1);
  if (static_cast<int64_t>(pairs.size()) != expected) {
    fail(Code::invalid_model, "pairs has ", pairs.size(), " entries; expected ", expected);
  }
  for (int64_t number : pairs) {
    if (number < -1 || number >= n_tables()) {
      fail(Code::invalid_model, "pairs holds ", number, "; expected -1..", n_tables() - 1);
    }
    table_of_.push_back(static_cast<int>(number));
  }
  const E* davg = constant_input<E>(info, 4, "davg", {ntypes, ntypes, columns});
  const E* dstd = constant_input<E>(info, 5, "dstd", {ntypes, ntypes, columns});
  for (int64_t pair = 0; pair < ntypes * ntypes; ++pair) {
    PairKind<E> kind{triples ? -1 : table_of_[pair], {}, {}};
    for (int64_t c = 0; c < columns; ++c) {
      kind.avg[c] = davg[pair * columns + c];
      kind.inv_std[c] = E(1) / dstd[pair * columns + c];
    }
    kinds_.push_back(kind);
  }
}

template <class E, class T>
std::vector<int64_t> DescriptorNode<E, T>::shape(int64_t nloc) const {
  const int64_t width = tables_[0].width;
  if (kind_ == Descriptor::se_a) return {nloc, 4, width};
  return {nloc, width};
}

template <class E, class T>
DescriptorArgs<E, T> DescriptorNode<E, T>::args(const Frame<E>& frame) const {
  DescriptorArgs<E, T> args{};
  static_cast<ListArgs<E>&>(args) = frame.list;
  args.kinds = kinds_.data();
  args.table_of = table_of_.data();
  args.tables = tables_.data();
  args.scale = scale_.data();
  return args;
}

template class DescriptorNode<float, float>;
template class DescriptorNode<double, double>;
template class DescriptorNode<double, float>;

}  // namespace dponnx

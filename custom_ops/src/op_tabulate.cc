// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "dispatch.h"
#include "laid_table.h"
#include "ops.h"

namespace dponnx {

namespace {

constexpr int64_t kChunk = 16;  // atoms a task: about 100 us of work

/// A constant input of the node, whose data lives as long as the session.
template <class T>
Input<T> constant_input(const Ort::ConstKernelInfo& info, size_t index, const char* name) {
  int is_constant = 0;
  const auto value = info.GetTensorConstantInput(index, &is_constant);
  if (!is_constant) fail(Code::invalid_model, name, " is computed; expected an initializer");
  return {name, value.GetTensorTypeAndShapeInfo().GetShape(), value.template GetTensorData<T>()};
}

int read_count(const Ort::ConstKernelInfo& info, const char* name, int64_t least) {
  const int64_t n = info.GetAttribute<int64_t>(name);
  if (n < least || n > 100000000) {
    fail(Code::invalid_model, name, " = ", n, "; expected ", least, "..100000000");
  }
  return static_cast<int>(n);
}

template <class T>
TableGrid<T> read_grid(const Ort::ConstKernelInfo& info) {
  const auto table_info = constant_input<T>(info, 1, "table_info");
  if (table_info.shape != std::vector<int64_t>{6}) {
    fail(Code::invalid_model, "table_info has shape ", to_text(table_info.shape), "; expected [6]");
  }
  const T* t = table_info.data;
  TableGrid<T> grid{t[0], t[1], t[2], t[3], t[4], 0, 0, 0};
  grid.n_fine = read_count(info, "n_fine", 1);
  grid.n_coarse = read_count(info, "n_coarse", 0);
  const bool ordered = grid.lower < grid.upper && grid.upper <= grid.maximum && grid.fine > 0 &&
                       grid.coarse > 0 && std::isfinite(grid.maximum) && std::isfinite(grid.lower);
  if (!ordered) {
    fail(Code::invalid_model, "table_info = ", t[0], ", ", t[1], ", ", t[2], ", ", t[3], ", ", t[4],
         "; expected lower < upper <= max and strides > 0");
  }
  return grid;
}

/// What forward and gradient share: the table, and the inputs em_x and em.
template <class T>
class Tabulation {
 public:
  explicit Tabulation(const Ort::ConstKernelInfo& info) : all_(dponnx::kernels()) {
    const int width = read_count(info, "last_layer_size", 1);
    const TableGrid<T> grid = read_grid<T>(info);
    const auto table = constant_input<T>(info, 0, "table");
    const std::vector<int64_t> expected = {grid.n_rows(), 6 * int64_t(width)};
    if (table.shape != expected) {
      fail(Code::invalid_model, "table has shape ", to_text(table.shape), "; expected ",
           to_text(expected), " = [n_fine + n_coarse, 6 last_layer_size]");
    }
    laid_ = shared_table(table.data, expected[0], width, all_);
    view_ = laid_->view(grid);
  }

  const KernelsOf<T>& kernels() const { return all_.of<T>(); }
  int64_t width() const { return view_.width; }

  /// Sets n, the number of atoms.
  TabulateArgs<T> read(const Ort::KernelContext& context, const Port* ports, int64_t& n) const {
    const auto em = get_input<T>(context, ports, 3, {-1, -1, 4});
    TabulateArgs<T> args{};
    n = em.shape[0];
    args.table = view_;
    args.nnei = em.shape[1];
    args.em = em.data;
    args.em_x = get_input<T>(context, ports, 2, {n * args.nnei, 1}).data;
    return args;
  }

  /// body(begin, end, scratch) over chunks of atoms.
  template <class Body>
  void for_atoms(const Ort::KernelContext& context, int64_t n, int64_t nnei, Body body) const {
    parallel_for(context, (n + kChunk - 1) / kChunk, [&](int64_t chunk) {
      std::vector<Located<T>> located(nnei);
      std::vector<T> dy(4 * view_.row_size / 6);
      const int64_t begin = chunk * kChunk;
      body(begin, std::min(n, begin + kChunk), TabulateScratch<T>{located.data(), dy.data()});
    });
  }

 private:
  const Kernels& all_;
  std::shared_ptr<const LaidTable<T>> laid_;
  TableView<T> view_;
};

template <class T>
class TabulateFusionSeA {
 public:
  static constexpr const char* name = "TabulateFusionSeA";
  static constexpr Port inputs[] = {{"table", element_type<T>},
                                    {"table_info", element_type<T>},
                                    {"em_x", element_type<T>},
                                    {"em", element_type<T>}};
  static constexpr Port outputs[] = {{"descriptor", element_type<T>}};

  explicit TabulateFusionSeA(Ort::ConstKernelInfo info) : tabulation_(info) {}

  void run(Ort::KernelContext& context) {
    int64_t n;
    TabulateArgs<T> args = tabulation_.read(context, inputs, n);
    args.out = get_output<T>(context, 0, {n, 4, tabulation_.width()});
    tabulation_.for_atoms(context, n, args.nnei,
                          [&](int64_t begin, int64_t end, TabulateScratch<T> scratch) {
                            tabulation_.kernels().tabulate(args, begin, end, scratch);
                          });
  }

 private:
  Tabulation<T> tabulation_;
};

template <class T>
class TabulateFusionSeAGrad {
 public:
  static constexpr const char* name = "TabulateFusionSeAGrad";
  static constexpr Port inputs[] = {{"table", element_type<T>}, {"table_info", element_type<T>},
                                    {"em_x", element_type<T>},  {"em", element_type<T>},
                                    {"dy", element_type<T>},    {"descriptor", element_type<T>}};
  static constexpr Port outputs[] = {{"dy_dem_x", element_type<T>}, {"dy_dem", element_type<T>}};

  explicit TabulateFusionSeAGrad(Ort::ConstKernelInfo info) : tabulation_(info) {}

  void run(Ort::KernelContext& context) {
    int64_t n;
    TabulateArgs<T> args = tabulation_.read(context, inputs, n);
    args.dy = get_input<T>(context, inputs, 4, {n, 4, tabulation_.width()}).data;
    get_input<T>(context, inputs, 5, {n, 4, tabulation_.width()});
    args.dem_x = get_output<T>(context, 0, {n * args.nnei, 1});
    args.dem = get_output<T>(context, 1, {n, args.nnei, 4});
    tabulation_.for_atoms(context, n, args.nnei,
                          [&](int64_t begin, int64_t end, TabulateScratch<T> scratch) {
                            tabulation_.kernels().tabulate_grad(args, begin, end, scratch);
                          });
  }

 private:
  Tabulation<T> tabulation_;
};

}  // namespace

void add_tabulate_ops(Ort::CustomOpDomain& domain) {
  add_op<TabulateFusionSeA<float>>(domain);
  add_op<TabulateFusionSeA<double>>(domain);
  add_op<TabulateFusionSeAGrad<float>>(domain);
  add_op<TabulateFusionSeAGrad<double>>(domain);
}

}  // namespace dponnx

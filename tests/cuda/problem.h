// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <memory>

#include "cuda/device_descriptor.h"
#include "cuda/device_table.h"
#include "src/descriptor_worker.h"
#include "src/laid_table.h"
#include "system.h"

/// A descriptor of a system, as arguments for the CPU's kernels and for the device's.
namespace harness {

using dponnx::Descriptor;
using dponnx::cuda::DeviceArray;

/// Cutoffs in angstrom; tables of sines, smooth over their knots.
struct Model {
  Descriptor kind;
  std::vector<int> sel;
  int width;
  double step = 0.01;
  float rcut_smth = 0.5f, rcut = 6;
};

template <class E, class T>
class Problem {
 public:
  Problem(const Model& model, const System& system) : model_(model), system_(system) {
    coord_.assign(system.coord.begin(), system.coord.end());
    sec_.push_back(0);
    for (int n : model.sel) sec_.push_back(sec_.back() + n);
    make_tables();
    laid_ = std::make_unique<dponnx::LaidTable<T>>(coef_.data(), n_rows_, model.width,
                                                   dponnx::kernels().lanes<T>());
    tables_ = dponnx::stacked_views(laid_->view({}), grids_);
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> uniform(-1, 1);
    dy_.resize(out_size());
    for (T& dy : dy_) dy = T(uniform(random));
  }

  const Model& model() const { return model_; }
  const System& system() const { return system_; }
  int64_t n_rows() const { return n_rows_; }
  int64_t n_tables() const { return static_cast<int64_t>(grids_.size()); }
  int ntypes() const { return static_cast<int>(model_.sel.size()); }
  int64_t out_size() const {
    return system_.nloc * model_.width * (model_.kind == Descriptor::se_a ? 4 : 1);
  }

  /// For the CPU; out is not set.
  dponnx::DescriptorArgs<E, T> args() const {
    dponnx::DescriptorArgs<E, T> args{};
    static_cast<dponnx::ListArgs<E>&>(args) = {coord_.data(),
                                               system_.atype.data(),
                                               system_.nlist.data(),
                                               system_.nnei_in,
                                               {E(model_.rcut_smth), E(model_.rcut)},
                                               sec_.data(),
                                               ntypes()};
    args.kinds = kinds_.data();
    args.table_of = table_of_.data();
    args.tables = tables_.data();
    args.scale = scale_.data();
    args.dy = dy_.data();
    return args;
  }

  const std::vector<E>& coord() const { return coord_; }
  const std::vector<int>& sec() const { return sec_; }
  const std::vector<T>& coef() const { return coef_; }
  const std::vector<T>& scale() const { return scale_; }
  const std::vector<T>& dy() const { return dy_; }
  const std::vector<int>& table_of() const { return table_of_; }
  const std::vector<dponnx::PairKind<E>>& kinds() const { return kinds_; }
  const std::vector<dponnx::TableGrid<T>>& grids() const { return grids_; }

 private:
  void make_tables() {
    const bool triples = model_.kind == Descriptor::se_t;
    const int n = ntypes(), columns = model_.kind == Descriptor::se_r ? 1 : 4;
    const double avg = triples ? 0 : 0.1, std = triples ? 0.4 : 0.2;
    int tables = 0;
    for (int k = 0; k < n * n * (triples ? n : 1); ++k) {
      const bool twice = triples && k / n % n > k % n;  // (b, a) after (a, b)
      table_of_.push_back(twice ? -1 : tables++);
    }
    for (int k = 0; k < n * n; ++k) {
      dponnx::PairKind<E> kind{triples ? -1 : table_of_[k], {}, {}};
      for (int c = 0; c < columns; ++c) {
        kind.avg[c] = E(c == 0 ? avg : 0), kind.inv_std[c] = E(1 / std);
      }
      kinds_.push_back(kind);
    }
    const double upper = std::ceil(triples ? 1 / (std * std) : (1 - avg) / std);
    for (int t = 0; t < tables; ++t) {
      const double lower = triples ? -upper : -1, coarse = 10 * model_.step;
      dponnx::TableGrid<T> grid{T(lower), T(upper), T(3 * upper), T(model_.step), T(coarse), 0,
                                0,        0};
      grid.n_fine = static_cast<int>(std::lround((upper - lower) / model_.step));
      grid.n_coarse = static_cast<int>(std::lround(2 * upper / coarse));
      grid.n_left = triples ? grid.n_coarse : 0;
      grids_.push_back(grid);
      scale_.push_back(T(0.8 + 0.1 * t));
      n_rows_ += grid.n_rows();
      for (int row = 0; row < grid.n_rows(); ++row) add_row(t, knot(grid, row));
    }
  }

  static double knot(const dponnx::TableGrid<T>& grid, int row) {
    if (row < grid.n_left) return double(grid.lower) + (row - grid.n_left) * double(grid.coarse);
    row -= grid.n_left;
    if (row < grid.n_fine) return double(grid.lower) + row * double(grid.fine);
    return double(grid.upper) + (row - grid.n_fine) * double(grid.coarse);
  }

  /// sin(w x + p) about the knot, w and p of each output.
  void add_row(int table, double x) {
    for (int m = 0; m < model_.width; ++m) {
      const double w = 0.3 * (m + 1) / model_.width, p = m + table;
      double factor = 1;
      for (int k = 0; k < 6; ++k, factor *= w / k) {
        coef_.push_back(T(factor * std::sin(w * x + p + k * std::acos(0.0))));
      }
    }
  }

  Model model_;
  const System& system_;
  std::vector<E> coord_;
  std::vector<int> sec_, table_of_;
  std::vector<dponnx::PairKind<E>> kinds_;
  std::vector<dponnx::TableGrid<T>> grids_;
  std::vector<T> coef_, scale_, dy_;
  int64_t n_rows_ = 0;
  std::unique_ptr<dponnx::LaidTable<T>> laid_;
  std::vector<dponnx::TableView<T>> tables_;
};

/// The same on the device.
template <class E, class T>
class DeviceProblem {
 public:
  explicit DeviceProblem(const Problem<E, T>& problem)
      : problem_(problem),
        coord_(problem.coord()),
        atype_(problem.system().atype),
        nlist_(problem.system().nlist),
        sec_(problem.sec()),
        table_of_(problem.table_of()),
        table_(problem.coef().data(), problem.n_rows(), problem.model().width),
        views_(dponnx::stacked_views(table_.view({}), problem.grids())),
        kinds_(problem.kinds()),
        scale_(problem.scale()),
        dy_(problem.dy()) {}

  dponnx::cuda::DescriptorFrame<E, T> frame(T* out) const {
    dponnx::cuda::DescriptorFrame<E, T> frame{};
    static_cast<dponnx::DescriptorArgs<E, T>&>(frame) = problem_.args();
    frame.coord = coord_.data();
    frame.atype = atype_.data();
    frame.nlist_in = nlist_.data();
    frame.sec = sec_.data();
    frame.kinds = kinds_.data();
    frame.table_of = table_of_.data();
    frame.tables = views_.data();
    frame.scale = scale_.data();
    frame.dy = dy_.data();
    frame.out = out;
    frame.nloc = problem_.system().nloc;
    frame.nall = problem_.system().nall;
    frame.nnei = problem_.sec().back();
    frame.block = table_.view({});
    return frame;
  }

 private:
  const Problem<E, T>& problem_;
  DeviceArray<E> coord_;
  DeviceArray<int32_t> atype_, nlist_;
  DeviceArray<int> sec_, table_of_;
  dponnx::cuda::DeviceTable<T> table_;
  DeviceArray<dponnx::TableView<T>> views_;
  DeviceArray<dponnx::PairKind<E>> kinds_;
  DeviceArray<T> scale_, dy_;
};

/// n zeros on the device.
template <class T>
class Room {
 public:
  explicit Room(int64_t n) : size_(n) {
    void* memory = nullptr;
    const size_t bytes = std::max<int64_t>(1, n) * sizeof(T);
    dponnx::cuda::check(cudaMalloc(&memory, bytes), "memory on the device");
    dponnx::cuda::check(cudaMemset(memory, 0, bytes), "clearing memory on the device");
    data_ = static_cast<T*>(memory);
  }
  ~Room() { cudaFree(data_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;

  T* data() { return data_; }
  /// Its numbers, after all work of the default stream.
  std::vector<T> bring_back() const {
    std::vector<T> host(size_);
    if (size_ > 0) {
      dponnx::cuda::check(cudaMemcpy(host.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost),
                          "copy from the device");
    }
    return host;
  }

 private:
  int64_t size_;
  T* data_;
};

}  // namespace harness

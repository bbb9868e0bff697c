// SPDX-License-Identifier: LGPL-3.0-or-later
#include "engine.h"

#include <cmath>
#include <random>

namespace {

double distance(const double* a, const double* b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

}  // namespace

Engine::Engine(int n, const dponnx_info& info, double skin, unsigned seed) : n_(n) {
  std::mt19937 random(seed);
  const double reach = info.rcut + skin;
  const double edge = std::max(reach, 2.2 * std::cbrt(n));
  std::uniform_real_distribution<double> place(0, edge);
  for (int k = 0; k < 3; ++k) box_[4 * k] = edge;
  while (int(owner_.size()) < n) {
    const double x[3] = {place(random), place(random), place(random)};
    bool free = true;
    for (size_t a = 0; a < owner_.size(); ++a) free &= distance(&coord_[3 * a], x) > 0.9;
    if (!free) continue;
    coord_.insert(coord_.end(), x, x + 3);
    const int a = static_cast<int>(owner_.size());
    type_.push_back(a % 10 == 9 ? -1 : a % info.ntypes);
    owner_.push_back(a);
    ilist_.push_back(a);
  }
  for (int sx = -1; sx <= 1; ++sx) {
    for (int sy = -1; sy <= 1; ++sy) {
      for (int sz = -1; sz <= 1; ++sz) {
        for (int a = 0; a < n && (sx || sy || sz); ++a) {
          double x[3] = {coord_[3 * a] + sx * edge, coord_[3 * a + 1] + sy * edge,
                         coord_[3 * a + 2] + sz * edge};
          bool near = true;
          for (double c : x) near &= c > -reach && c < edge + reach;
          if (!near) continue;
          coord_.insert(coord_.end(), x, x + 3);
          type_.push_back(type_[a]);
          owner_.push_back(a);
        }
      }
    }
  }
  neighbors_.resize(n);
  for (int a = 0; a < n; ++a) {
    for (int b = 0; b < nall(); ++b) {
      if (a != b && distance(&coord_[3 * a], &coord_[3 * b]) < reach) neighbors_[a].push_back(b);
    }
  }
  fparam_.assign(info.dim_fparam, 0.3);
  for (int k = 0; k < n * info.dim_aparam; ++k) aparam_.push_back(0.01 * k);
}

void Engine::shake(double by, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> step(-by, by);
  std::vector<double> move(3 * n_);
  for (double& m : move) m = step(random);
  for (int a = 0; a < nall(); ++a) {
    for (int k = 0; k < 3; ++k) coord_[3 * a + k] += move[3 * owner_[a] + k];
  }
}

dponnx_system Engine::boxed() const {
  dponnx_system system{};
  system.natoms = n_;
  system.coord = coord_.data();
  system.type = type_.data();
  system.box = box_;
  system.fparam = fparam_.data();
  system.aparam = aparam_.data();
  return system;
}

dponnx_system Engine::listed(int ago) {
  numneigh_.clear();
  first_.clear();
  for (const auto& list : neighbors_) {
    numneigh_.push_back(static_cast<int>(list.size()));
    first_.push_back(list.data());
  }
  nlist_ = {
      static_cast<int>(ilist_.size()), ilist_.data(), numneigh_.data(), first_.data(), 0, ago};
  dponnx_system system = boxed();
  system.nghost = nall() - n_;
  system.box = nullptr;
  system.nlist = &nlist_;
  return system;
}

std::vector<double> Engine::fold(const std::vector<double>& rows, int columns) const {
  std::vector<double> sum(static_cast<size_t>(n_) * columns);
  for (int a = 0; a < nall(); ++a) {
    for (int k = 0; k < columns; ++k) sum[owner_[a] * columns + k] += rows[a * columns + k];
  }
  return sum;
}

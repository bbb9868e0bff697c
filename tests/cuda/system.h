// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/env_mat.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

/// Random systems for the harness: a lattice whose points are moved at random.
namespace harness {

/// How a system is made. Lengths in angstrom.
struct SystemOptions {
  int64_t nloc;
  double listed;          ///< neighbours within this are listed
  double spacing = 2.15;  ///< of the lattice: 0.1 atoms a cubic angstrom, as in water
  int ntypes = 2;         ///< of which the first has a third of the atoms
  bool lists = true;      ///< false: nlist has columns, all -1
};

/// Atoms as the operators take them: local ones sorted by type, then ghosts all around.
struct System {
  int64_t nloc = 0, nall = 0, nnei_in = 0;
  std::vector<double> coord;          ///< [nall, 3]
  std::vector<int32_t> atype, nlist;  ///< [nall]; [nloc, nnei_in]
};

inline double square_distance(const System& system, int64_t i, int64_t j) {
  return dponnx::square_distance(&system.coord[3 * i], &system.coord[3 * j]);
}

class Lattice {
 public:
  explicit Lattice(const SystemOptions& options) : options_(options) {
    inner_ = static_cast<int>(std::ceil(std::cbrt(double(options.nloc)) - 1e-9));
    shell_ = static_cast<int>(std::ceil(options.listed / options.spacing)) + 1;
    edge_ = inner_ + 2 * shell_;
    number_.assign(int64_t(edge_) * edge_ * edge_, -1);
  }

  System make() {
    System system;
    system.nloc = options_.nloc;
    std::vector<int64_t> places = ordered_places(system.atype);
    system.nall = static_cast<int64_t>(places.size());
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> move(-0.15, 0.15);
    for (int64_t k = 0; k < system.nall; ++k) {
      number_[places[k]] = static_cast<int32_t>(k);
      for (int axis = 0; axis < 3; ++axis) {
        system.coord.push_back(options_.spacing * (axis_of(places[k], axis) + move(random)));
      }
    }
    list(places, system);
    return system;
  }

 private:
  int axis_of(int64_t place, int axis) const {
    for (int k = 2; k > axis; --k) place /= edge_;
    return static_cast<int>(place % edge_);
  }

  /// Local places first, by type; sets all types.
  std::vector<int64_t> ordered_places(std::vector<int32_t>& atype) const {
    std::vector<int64_t> local, ghosts;
    for (int64_t place = 0; place < static_cast<int64_t>(number_.size()); ++place) {
      bool inside = static_cast<int64_t>(local.size()) < options_.nloc;
      for (int axis = 0; axis < 3; ++axis) {
        const int at = axis_of(place, axis) - shell_;
        inside = inside && at >= 0 && at < inner_;
      }
      (inside ? local : ghosts).push_back(place);
    }
    std::mt19937_64 random(11);
    std::shuffle(local.begin(), local.end(), random);
    const int64_t n = static_cast<int64_t>(local.size());
    const int64_t first = options_.ntypes == 1 ? n : n / 3;
    std::sort(local.begin(), local.begin() + first);  // near in space, near in memory
    std::sort(local.begin() + first, local.end());
    for (int64_t k = 0; k < n; ++k) atype.push_back(k >= first);
    for (size_t k = 0; k < ghosts.size(); ++k) {
      atype.push_back(options_.ntypes == 1 ? 0 : random() % 3 > 0);
    }
    local.insert(local.end(), ghosts.begin(), ghosts.end());
    return local;
  }

  void list(const std::vector<int64_t>& places, System& system) const {
    std::vector<std::vector<int32_t>> rows(system.nloc);
    const int reach = shell_;
    const double listed2 = options_.listed * options_.listed;
    for (int64_t i = 0; i < system.nloc && options_.lists; ++i) {
      const int at[] = {axis_of(places[i], 0), axis_of(places[i], 1), axis_of(places[i], 2)};
      for (int x = at[0] - reach; x <= at[0] + reach; ++x) {
        for (int y = at[1] - reach; y <= at[1] + reach; ++y) {
          for (int z = at[2] - reach; z <= at[2] + reach; ++z) {
            const int32_t j = number_[(int64_t(x) * edge_ + y) * edge_ + z];
            if (j == i || square_distance(system, i, j) >= listed2) continue;
            rows[i].push_back(j);
          }
        }
      }
      system.nnei_in = std::max<int64_t>(system.nnei_in, rows[i].size());
    }
    if (!options_.lists) system.nnei_in = 9;
    system.nlist.assign(system.nloc * system.nnei_in, -1);
    for (int64_t i = 0; i < system.nloc; ++i) {
      std::copy(rows[i].begin(), rows[i].end(), system.nlist.begin() + i * system.nnei_in);
    }
  }

  SystemOptions options_;
  int inner_, shell_, edge_;
  std::vector<int32_t> number_;  ///< of the atom at each place
};

inline System make_system(const SystemOptions& options) { return Lattice(options).make(); }

/// How many neighbours within rcut the atom with most of them has, of each type.
inline std::vector<int> most_neighbors(const System& system, double rcut, int ntypes) {
  std::vector<int> most(ntypes);
  for (int64_t i = 0; i < system.nloc; ++i) {
    std::vector<int> counts(ntypes);
    for (int64_t k = i * system.nnei_in; k < (i + 1) * system.nnei_in; ++k) {
      const int32_t j = system.nlist[k];
      if (j < 0) continue;
      if (square_distance(system, i, j) < rcut * rcut) ++counts[system.atype[j]];
    }
    for (int t = 0; t < ntypes; ++t) most[t] = std::max(most[t], counts[t]);
  }
  return most;
}

}  // namespace harness

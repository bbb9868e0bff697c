// SPDX-License-Identifier: LGPL-3.0-or-later
#include "listing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "box.h"
#include "error.h"
#include "pairs.h"

namespace dponnx {

namespace {

/// The bits of a cell's three numbers (21 each), interleaved: cells close in this order are close.
uint64_t morton(const std::array<uint32_t, 3>& cell) {
  uint64_t code = 0;
  for (int bit = 0; bit < 21; ++bit) {
    for (int k = 0; k < 3; ++k) code |= uint64_t((cell[k] >> bit) & 1u) << (3 * bit + k);
  }
  return code;
}

}  // namespace

Listing::Listing(const dponnx_system& caller, double rcut, int threads) {
  const Box box(caller.box, caller.along, rcut);
  for (int64_t i = 0; i < caller.natoms; ++i) {
    if (caller.type[i] < 0) continue;
    owner_.push_back(static_cast<int32_t>(i));
    coord_.insert(coord_.end(), caller.coord + 3 * i, caller.coord + 3 * i + 3);
    box.wrap(&coord_[coord_.size() - 3]);
  }
  order_atoms(caller, rcut);
  const int32_t nloc = static_cast<int32_t>(owner_.size());
  find_pairs(box, rcut, threads);
  ilist_.resize(nloc);
  std::iota(ilist_.begin(), ilist_.end(), 0);
  nlist_ = {nloc, ilist_.data(), numneigh_.data(), first_.data(), 0, 0};
  system_ = caller;
  system_.natoms = nloc;
  system_.nghost = static_cast<int64_t>(owner_.size()) - nloc;
  system_.coord = coord_.data();
  system_.type = type_.data();
  system_.box = nullptr;
  system_.nlist = &nlist_;
}

/// Sorts the atoms by the cells of edge rcut / 2 they lie in.
void Listing::order_atoms(const dponnx_system& caller, double rcut) {
  const size_t n = owner_.size();
  Vector low = {0, 0, 0};
  for (size_t a = 0; a < n; ++a) {
    for (int k = 0; k < 3; ++k) low[k] = std::min(a ? low[k] : coord_[k], coord_[3 * a + k]);
  }
  std::vector<std::pair<uint64_t, int32_t>> keys(n);
  for (size_t a = 0; a < n; ++a) {
    std::array<uint32_t, 3> cell;
    for (int k = 0; k < 3; ++k) {
      const double c = (coord_[3 * a + k] - low[k]) / (0.5 * rcut);
      cell[k] = static_cast<uint32_t>(std::min(c, 2097151.0));
    }
    keys[a] = {morton(cell), static_cast<int32_t>(a)};
  }
  std::sort(keys.begin(), keys.end());
  const std::vector<double> coord = std::move(coord_);
  const std::vector<int32_t> owner = std::move(owner_);
  coord_.resize(3 * n);
  owner_.resize(n);
  type_.resize(n);
  for (size_t a = 0; a < n; ++a) {
    const int32_t from = keys[a].second;
    std::copy_n(&coord[3 * from], 3, &coord_[3 * a]);
    owner_[a] = owner[from];
    type_[a] = caller.type[owner_[a]];
  }
}

/// Ghosts, and the list of each atom's neighbours.
void Listing::find_pairs(const Box& box, double rcut, int threads) {
  const size_t nloc = owner_.size();
  const std::vector<Pair> pairs = dponnx::find_pairs(coord_, box, rcut, threads);
  numneigh_.assign(nloc, 0);
  first_.assign(nloc, nullptr);
  neighbors_.resize(pairs.size());
  struct Ghost {
    std::array<int32_t, 3> shift;
    int32_t row, next;
  };
  std::vector<Ghost> ghosts;
  std::vector<int32_t> ghosts_of(nloc, -1);  // the first of each atom, then by `next`
  for (size_t p = 0; p < pairs.size(); ++p) {
    const Pair& pair = pairs[p];
    ++numneigh_[pair.i];
    int32_t row = pair.j;
    if (pair.shift != std::array<int32_t, 3>{}) {
      int32_t g = ghosts_of[pair.j];
      while (g >= 0 && ghosts[g].shift != pair.shift) g = ghosts[g].next;
      if (g < 0) {
        g = static_cast<int32_t>(ghosts.size());
        ghosts.push_back({pair.shift, static_cast<int32_t>(owner_.size()), ghosts_of[pair.j]});
        ghosts_of[pair.j] = g;
        owner_.push_back(owner_[pair.j]);
        type_.push_back(type_[pair.j]);
        for (int c = 0; c < 3; ++c) {
          double x = coord_[3 * pair.j + c];
          for (int k = 0; k < 3; ++k) x += pair.shift[k] * box.vector(k)[c];
          coord_.push_back(x);
        }
      }
      row = ghosts[g].row;
    }
    neighbors_[p] = row;
  }
  const int32_t* at = neighbors_.data();  // pairs are sorted by i
  for (size_t i = 0; i < nloc; ++i) {
    first_[i] = at;
    at += numneigh_[i];
  }
}

}  // namespace dponnx

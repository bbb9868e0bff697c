// SPDX-License-Identifier: LGPL-3.0-or-later
#include "kept_listing.h"

#include <dponnx/env_mat.h>

#include <algorithm>
#include <cmath>

namespace dponnx {

namespace {

/// n numbers, none from null.
template <class T>
std::vector<T> copied(const T* from, int64_t n) {
  return from ? std::vector<T>(from, from + n) : std::vector<T>();
}

template <class T>
bool equal(const std::vector<T>& a, const T* b, int64_t n) {
  if (!b) return a.empty();
  return int64_t(a.size()) == n && std::equal(a.begin(), a.end(), b);
}

}  // namespace

void KeptListing::update(const dponnx_system& system) {
  const bool same = is_same(system);
  const double moved = same ? largest_move(system) : 0;
  const bool near = same && moved < kSkin / 2;
  if (has_skin_ && near) {
    listing_->move(system);
    used_again_ = true;
    return;
  }
  // Where the last list had a skin, atoms left it sooner or later; it paid if it served twice.
  // Atoms that did not move at all get the same list as before, and the same numbers.
  const bool skin = has_skin_ ? same && used_again_ : near && moved > 0;
  listing_.reset();
  blocks_.clear();
  has_skin_ = used_again_ = false;
  listing_.emplace(system, rcut_ + (skin ? kSkin : 0), threads_);
  blocks_ = split(listing_->system(), ntypes_, block_size_);
  has_skin_ = skin;
  remember(system);
}

void KeptListing::rest() {
  if (has_skin_) return;
  listing_.reset();
  blocks_.clear();
}

bool KeptListing::is_same(const dponnx_system& system) const {
  return int64_t(type_.size()) == system.natoms && equal(type_, system.type, system.natoms) &&
         equal(box_, system.box, 9) && equal(along_, system.along, 3);
}

double KeptListing::largest_move(const dponnx_system& system) const {
  double r2 = 0;
  for (int64_t i = 0; i < system.natoms; ++i) {
    if (type_[i] < 0) continue;
    r2 = std::max(r2, square_distance(&coord_[3 * i], system.coord + 3 * i));
  }
  return std::sqrt(r2);
}

void KeptListing::remember(const dponnx_system& system) {
  coord_ = copied(system.coord, 3 * system.natoms);
  type_ = copied(system.type, system.natoms);
  box_ = copied(system.box, 9);
  along_ = copied(system.along, 3);
}

}  // namespace dponnx

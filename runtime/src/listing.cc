// SPDX-License-Identifier: LGPL-3.0-or-later
#include "listing.h"

#include <algorithm>
#include <numeric>
#include <utility>

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

Listing::Listing(const dponnx_system& caller, double reach, int threads)
    : box_(caller.box, caller.along, reach) {
  take_atoms(caller, reach);
  const int32_t nloc = static_cast<int32_t>(owner_.size());
  move(caller);
  find_pairs(reach, threads);
  ilist_.resize(nloc);
  std::iota(ilist_.begin(), ilist_.end(), 0);
  nlist_ = {nloc, ilist_.data(), numneigh_.data(), first_.data(), 0, 0};
  move(caller);
}

void Listing::move(const dponnx_system& caller) {
  const size_t nloc = whole_.size();
  coord_.resize(3 * (nloc + ghosts_.size()));
  for (size_t a = 0; a < nloc; ++a) {
    std::copy_n(caller.coord + 3 * int64_t(owner_[a]), 3, &coord_[3 * a]);
    box_.unmove(whole_[a], &coord_[3 * a]);
  }
  for (size_t g = 0; g < ghosts_.size(); ++g) {
    const Ghost& ghost = ghosts_[g];
    for (int c = 0; c < 3; ++c) {
      double x = coord_[3 * int64_t(ghost.of) + c];
      for (int k = 0; k < 3; ++k) x += ghost.shift[k] * box_.vector(k)[c];
      coord_[3 * (nloc + g) + c] = x;
    }
  }
  system_ = caller;
  system_.natoms = static_cast<int64_t>(nloc);
  system_.nghost = static_cast<int64_t>(ghosts_.size());
  system_.coord = coord_.data();
  system_.type = type_.data();
  system_.box = nullptr;
  system_.nlist = &nlist_;
}

/// Real atoms, sorted by the cells of edge reach / 2 they lie in.
void Listing::take_atoms(const dponnx_system& caller, double reach) {
  struct Atom {
    uint64_t key;
    int32_t owner;
    Vector whole, x;
  };
  std::vector<Atom> atoms;
  Vector low = {0, 0, 0};
  for (int64_t i = 0; i < caller.natoms; ++i) {
    if (caller.type[i] < 0) continue;
    const double* x = caller.coord + 3 * i;
    Atom atom = {0, static_cast<int32_t>(i), box_.whole(x), {x[0], x[1], x[2]}};
    box_.unmove(atom.whole, atom.x.data());
    for (int k = 0; k < 3; ++k) low[k] = std::min(atoms.empty() ? atom.x[k] : low[k], atom.x[k]);
    atoms.push_back(atom);
  }
  for (Atom& atom : atoms) {
    std::array<uint32_t, 3> cell;
    for (int k = 0; k < 3; ++k) {
      const double c = (atom.x[k] - low[k]) / (0.5 * reach);
      cell[k] = static_cast<uint32_t>(std::min(c, 2097151.0));
    }
    atom.key = morton(cell);
  }
  std::sort(atoms.begin(), atoms.end(), [](const Atom& a, const Atom& b) {
    return std::pair(a.key, a.owner) < std::pair(b.key, b.owner);
  });
  for (const Atom& atom : atoms) {
    owner_.push_back(atom.owner);
    whole_.push_back(atom.whole);
    type_.push_back(caller.type[atom.owner]);
  }
}

/// Ghosts, and the list of each atom's neighbours.
void Listing::find_pairs(double reach, int threads) {
  const size_t nloc = owner_.size();
  const std::vector<Pair> pairs = dponnx::find_pairs(coord_, box_, reach, threads);
  numneigh_.assign(nloc, 0);
  first_.assign(nloc, nullptr);
  neighbors_.resize(pairs.size());
  std::vector<int32_t> last(nloc, -1), before;  // ghost of each atom found last; of each ghost
  for (size_t p = 0; p < pairs.size(); ++p) {
    const Pair& pair = pairs[p];
    ++numneigh_[pair.i];
    neighbors_[p] = pair.j;
    if (pair.shift == std::array<int32_t, 3>{}) continue;
    int32_t g = last[pair.j];
    while (g >= 0 && ghosts_[g].shift != pair.shift) g = before[g];
    if (g < 0) {
      g = static_cast<int32_t>(ghosts_.size());
      ghosts_.push_back({pair.j, pair.shift});
      before.push_back(std::exchange(last[pair.j], g));
      owner_.push_back(owner_[pair.j]);
      type_.push_back(type_[pair.j]);
    }
    neighbors_[p] = static_cast<int32_t>(nloc) + g;
  }
  const int32_t* at = neighbors_.data();  // pairs are sorted by i
  for (size_t i = 0; i < nloc; ++i) {
    first_[i] = at;
    at += numneigh_[i];
  }
}

}  // namespace dponnx

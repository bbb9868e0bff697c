// SPDX-License-Identifier: LGPL-3.0-or-later
#include "engine_state.h"

#include <algorithm>

#include "atom.h"
#include "force.h"
#include "neigh_list.h"
#include "neighbor.h"

namespace dponnx_lammps {

Units units_of(LAMMPS_NS::LAMMPS* lmp) {
  // Boltzmann's constant in eV/K, as `units metal` has it.
  return {lmp->force->boltz / 8.617343e-5, lmp->force->angstrom};
}

void EngineState::update(LAMMPS_NS::NeighList* list, const std::vector<int>& types,
                         double angstrom) {
  const int nlocal = atom->nlocal, nall = nlocal + atom->nghost;
  std::vector<std::int32_t> type(nall);
  for (int i = 0; i < nall; ++i) type[i] = types[atom->type[i]];
  if (changed(list, std::move(type))) ++version_;

  system_.natoms = nlocal;
  system_.nghost = atom->nghost;
  system_.type = type_.data();
  system_.coord = nall ? atom->x[0] : nullptr;
  if (angstrom != 1) {
    scaled_.resize(3 * static_cast<size_t>(nall));
    for (size_t k = 0; k < scaled_.size(); ++k) scaled_[k] = system_.coord[k] / angstrom;
    system_.coord = scaled_.data();
  }
  nlist_.inum = list->inum;
  nlist_.ilist = list->ilist;
  nlist_.numneigh = list->numneigh;
  nlist_.firstneigh = list->firstneigh;
  nlist_.mask = NEIGHMASK;
  system_.nlist = &nlist_;
}

bool EngineState::changed(const LAMMPS_NS::NeighList* list, std::vector<std::int32_t>&& type) {
  // Lists may be built while this pair style does not compute, and fixes change types in between.
  const bool same = neighbor->ago > 0 && neighbor->ncalls == build_ && list == list_ &&
                    type == type_ && atom->nlocal == system_.natoms;
  type_ = std::move(type);
  list_ = list;
  build_ = neighbor->ncalls;
  return !same;
}

dponnx_system EngineState::system(std::int64_t seen) {
  nlist_.ago = seen == version_ ? std::max(neighbor->ago, 1) : 0;
  return system_;
}

double EngineState::memory_usage() const {
  return sizeof(double) * scaled_.capacity() + sizeof(std::int32_t) * type_.capacity();
}

}  // namespace dponnx_lammps

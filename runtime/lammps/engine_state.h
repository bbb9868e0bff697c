// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_ENGINE_STATE_H
#define DPONNX_LAMMPS_ENGINE_STATE_H

#include <cstdint>
#include <vector>

#include "dponnx.h"
#include "pointers.h"

namespace LAMMPS_NS {
class NeighList;
}

namespace dponnx_lammps {

/// What an electronvolt, an angstrom and an eV/angstrom are in LAMMPS's units.
struct Units {
  double energy = 1, distance = 1;
  double force() const { return energy / distance; }
};

/// Units in force; not for lj, which has none.
Units units_of(LAMMPS_NS::LAMMPS* lmp);

/// A rank's atoms and neighbours as libdponnx takes them: rows are LAMMPS's (local atoms, then
/// ghosts), lengths in angstrom, types the model's.
class EngineState : protected LAMMPS_NS::Pointers {
 public:
  explicit EngineState(LAMMPS_NS::LAMMPS* lmp) : Pointers(lmp) {}

  /// Reads the atoms of this step. types [1 + ntypes]: the model's type of each of LAMMPS's.
  void update(LAMMPS_NS::NeighList* list, const std::vector<int>& types, double angstrom);

  /// Grows whenever the list, the types or the number of atoms changed: a model that saw this
  /// version before may keep what it derived from the list.
  std::int64_t version() const { return version_; }

  int nlocal() const { return static_cast<int>(system_.natoms); }
  int nall() const { return static_cast<int>(system_.natoms + system_.nghost); }

  /// For a model that last saw version `seen`; without parameters. Valid until the next call.
  dponnx_system system(std::int64_t seen);

  double memory_usage() const;

 private:
  bool changed(const LAMMPS_NS::NeighList* list, std::vector<std::int32_t>&& type);

  dponnx_system system_{};
  dponnx_nlist nlist_{};
  std::vector<double> scaled_;
  std::vector<std::int32_t> type_;
  std::int64_t version_ = 0;
  const LAMMPS_NS::NeighList* list_ = nullptr;
  LAMMPS_NS::bigint build_ = -1;
};

}  // namespace dponnx_lammps

#endif

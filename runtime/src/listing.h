// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <array>
#include <cstdint>
#include <vector>

#include "box.h"

namespace dponnx {

/// Atoms with ghosts and a full neighbour list, as engines bring them, made from atoms in a box.
///
/// 1. real atoms (type >= 0), wrapped into the box, in an order that keeps neighbours close;
/// 2. vesin finds every pair (i, j, S): j moved by the lattice vector S lies within reach of i;
/// 3. every distinct (j, S != 0) becomes one ghost row behind the local rows.
class Listing {
 public:
  /// system: without nlist; reach in angstrom. Throws Error for arguments that do not fit.
  Listing(const dponnx_system& system, double reach, int threads);

  /// Moves atoms and ghosts to where a system of the same atoms in the same box has them; who lists
  /// whom stays.
  void move(const dponnx_system& system);

  /// The same atoms as a system with nlist; its fparam and aparam are those of the last caller.
  const dponnx_system& system() const { return system_; }

  /// The caller's atom of which each row is an image.
  const std::vector<int32_t>& owner() const { return owner_; }

 private:
  /// A row behind the local ones: local row `of`, moved by vectors of the box.
  struct Ghost {
    int32_t of;
    std::array<int32_t, 3> shift;
  };

  void take_atoms(const dponnx_system& caller, double reach);
  void find_pairs(double reach, int threads);

  Box box_;
  std::vector<Vector> whole_;  ///< by which each local row was wrapped into the box
  std::vector<Ghost> ghosts_;
  std::vector<double> coord_;
  std::vector<int32_t> type_, owner_, ilist_, numneigh_, neighbors_;
  std::vector<const int32_t*> first_;
  dponnx_nlist nlist_{};
  dponnx_system system_{};
};

}  // namespace dponnx

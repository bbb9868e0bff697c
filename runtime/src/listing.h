// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <cstdint>
#include <vector>

namespace dponnx {

/// Atoms with ghosts and a full neighbour list, as engines bring them, made from atoms in a box.
///
/// 1. real atoms (type >= 0), wrapped into the box, in an order that keeps neighbours close;
/// 2. vesin finds every pair (i, j, S): j moved by the lattice vector S lies within rcut of i;
/// 3. every distinct (j, S != 0) becomes one ghost row behind the local rows.
class Listing {
 public:
  /// system: without nlist. Throws Error for arguments that do not fit.
  Listing(const dponnx_system& system, double rcut, int threads);

  /// The same atoms as a system with nlist; its fparam and aparam are the caller's.
  const dponnx_system& system() const { return system_; }

  /// The caller's atom of which each row is an image.
  const std::vector<int32_t>& owner() const { return owner_; }

 private:
  void order_atoms(const dponnx_system& caller, double rcut);
  void find_pairs(const class Box& box, double rcut, int threads);

  std::vector<double> coord_;
  std::vector<int32_t> type_, owner_, ilist_, numneigh_, neighbors_;
  std::vector<const int32_t*> first_;
  dponnx_nlist nlist_{};
  dponnx_system system_{};
};

}  // namespace dponnx

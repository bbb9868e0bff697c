// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.hpp>
#include <vector>

/// An engine in miniature: random atoms in a box, their periodic images as ghosts, full lists.
class Engine {
 public:
  /// n atoms of the model's types in a cube with at least rcut + skin between opposite faces; every
  /// tenth is of type -1. Lists hold neighbours within rcut + skin.
  Engine(int n, const dponnx_info& info, double skin, unsigned seed);

  /// Moves all atoms, and their images with them, by up to `by` angstrom an axis.
  void shake(double by, unsigned seed);

  /// The atoms with ghosts and list.
  dponnx_system listed(int ago);
  /// The same atoms in their box.
  dponnx_system boxed() const;

  /// Adds the ghosts' rows [rows, columns] to their owners'.
  std::vector<double> fold(const std::vector<double>& rows, int columns) const;

  int natoms() const { return n_; }
  int nall() const { return static_cast<int>(owner_.size()); }
  std::vector<int>& ilist() { return ilist_; }
  std::vector<std::vector<int>>& neighbors() { return neighbors_; }
  std::vector<double>& coord() { return coord_; }

 private:
  int n_;
  double box_[9] = {};
  std::vector<double> coord_, fparam_, aparam_;
  std::vector<int> type_, owner_, ilist_, numneigh_;
  std::vector<std::vector<int>> neighbors_;
  std::vector<const int*> first_;
  dponnx_nlist nlist_{};
};

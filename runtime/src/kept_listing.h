// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "block.h"
#include "listing.h"

namespace dponnx {

/// The neighbours of atoms that come without a list, kept from call to call while the atoms move
/// little: in molecular dynamics the search takes more than anything else beside the model.
///
/// 1. Atoms that moved little since the last call, but moved, get a list that reaches kSkin further
///    than rcut.
/// 2. It serves until one of them has moved by half of that, or atoms, types or box are others.
/// 3. All others get one that reaches as far as rcut, for this call only.
class KeptListing {
 public:
  KeptListing(double rcut, int threads, int32_t ntypes, int64_t block_size)
      : rcut_(rcut), threads_(threads), ntypes_(ntypes), block_size_(block_size) {}

  /// Lists the atoms of a system without nlist. Throws Error for arguments that do not fit.
  void update(const dponnx_system& system);

  /// Of the last update.
  const Listing& listing() const { return *listing_; }
  const std::vector<Block>& blocks() const { return blocks_; }

  /// Gives back what no later call can use.
  void rest();

 private:
  static constexpr double kSkin = 1.0;  ///< angstrom

  bool is_same(const dponnx_system& system) const;
  /// Angstrom, of a real atom since remember().
  double largest_move(const dponnx_system& system) const;
  void remember(const dponnx_system& system);

  const double rcut_;
  const int threads_;
  const int32_t ntypes_;
  const int64_t block_size_;
  std::optional<Listing> listing_;
  std::vector<Block> blocks_;
  bool has_skin_ = false, used_again_ = false;
  /// The system the listing was made of; after rest() the last one.
  std::vector<double> coord_, box_;
  std::vector<int32_t> type_, along_;
};

}  // namespace dponnx

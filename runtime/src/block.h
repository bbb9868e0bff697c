// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <cstdint>
#include <vector>

namespace dponnx {

/// Some of a system's atoms, as inputs of a model (docs/format.md): these atoms sorted by type,
/// then the distinct neighbours they have besides.
struct Block {
  std::vector<int32_t> rows;    ///< [nall] rows of the system
  std::vector<int32_t> atype;   ///< [nall]
  std::vector<int32_t> natoms;  ///< [2 + ntypes] nloc, nall, local atoms of each type
  std::vector<int32_t> nlist;   ///< [nloc, nnei] block rows, padded with -1
  int64_t nnei = 0;

  int64_t nloc() const { return natoms[0]; }
  int64_t nall() const { return natoms[1]; }
};

/// The listed atoms of type >= 0 in groups of about equal size, at most `size` each, every group
/// sorted by type. Throws Error, invalid_argument, for rows that do not exist.
std::vector<std::vector<int32_t>> cut(const dponnx_system& system, int64_t size);

/// The first part of a block's natoms [2 + ntypes]: nloc, nloc, local atoms of each type.
std::vector<int32_t> count_types(const std::vector<int32_t>& atoms, const int32_t* type,
                                 int32_t ntypes);

/// Splits the atoms listed in system.nlist into blocks of about equal size, at most `size` atoms
/// each. Atoms of type < 0 are left out, also as neighbours. Throws Error, invalid_argument, for
/// rows that do not exist.
std::vector<Block> split(const dponnx_system& system, int32_t ntypes, int64_t size);

}  // namespace dponnx

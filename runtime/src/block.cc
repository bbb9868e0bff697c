// SPDX-License-Identifier: LGPL-3.0-or-later
#include "block.h"

#include <algorithm>

#include "error.h"

namespace dponnx {

namespace {

/// Builds one block after the other from the same system.
class Splitter {
 public:
  Splitter(const dponnx_system& system, int32_t ntypes)
      : system_(system), ntypes_(ntypes), nall_(system.natoms + system.nghost), at_(nall_, -1) {}

  /// The block of these atoms, rows of the system, sorted by type.
  Block build(const std::vector<int32_t>& atoms) {
    Block block;
    block.rows = atoms;
    const int64_t nloc = static_cast<int64_t>(atoms.size());
    block.natoms = count_types(atoms, system_.type, ntypes_);
    for (int64_t i = 0; i < nloc; ++i) {
      at_[atoms[i]] = static_cast<int32_t>(i);
      block.nnei = std::max<int64_t>(block.nnei, count(atoms[i]));
    }
    block.nnei = std::max<int64_t>(block.nnei, 1);
    block.nlist.assign(nloc * block.nnei, -1);
    for (int64_t i = 0; i < nloc; ++i) list(atoms[i], &block.nlist[i * block.nnei], block);
    for (int32_t row : block.rows) {
      block.atype.push_back(system_.type[row]);
      at_[row] = -1;
    }
    block.natoms[1] = static_cast<int32_t>(block.rows.size());
    return block;
  }

 private:
  int64_t count(int32_t i) const { return system_.nlist->numneigh[i]; }

  /// Writes the neighbours of row i as block rows, new ones appended to the block.
  void list(int32_t i, int32_t* slots, Block& block) {
    const dponnx_nlist& nlist = *system_.nlist;
    const int32_t mask = nlist.mask ? nlist.mask : -1;
    for (int32_t k = 0; k < nlist.numneigh[i]; ++k) {
      const int32_t row = nlist.firstneigh[i][k] & mask;
      if (row < 0 || row >= nall_) {
        fail(Code::invalid_argument, "neighbour ", k, " of atom ", i, " is row ", row,
             "; expected 0..", nall_ - 1);
      }
      if (system_.type[row] < 0) continue;
      if (at_[row] < 0) {
        at_[row] = static_cast<int32_t>(block.rows.size());
        block.rows.push_back(row);
      }
      *slots++ = at_[row];
    }
  }

  const dponnx_system& system_;
  const int32_t ntypes_;
  const int64_t nall_;
  std::vector<int32_t> at_;  ///< block row of each row of the system, -1: none yet
};

}  // namespace

std::vector<std::vector<int32_t>> cut(const dponnx_system& system, int64_t size) {
  std::vector<int32_t> atoms;
  for (int32_t k = 0; k < system.nlist->inum; ++k) {
    const int32_t i = system.nlist->ilist[k];
    if (i < 0 || i >= system.natoms) {
      fail(Code::invalid_argument, "ilist[", k, "] is ", i, "; expected 0..", system.natoms - 1);
    }
    if (system.type[i] >= 0) atoms.push_back(i);
  }
  const int64_t n = static_cast<int64_t>(atoms.size()), count = (n + size - 1) / size;
  std::vector<std::vector<int32_t>> groups;
  for (int64_t b = 0; b < count; ++b) {
    groups.emplace_back(atoms.begin() + n * b / count, atoms.begin() + n * (b + 1) / count);
    std::stable_sort(groups.back().begin(), groups.back().end(),
                     [&](int32_t a, int32_t b) { return system.type[a] < system.type[b]; });
  }
  return groups;
}

std::vector<int32_t> count_types(const std::vector<int32_t>& atoms, const int32_t* type,
                                 int32_t ntypes) {
  std::vector<int32_t> natoms(2 + ntypes, 0);
  for (int32_t row : atoms) ++natoms[2 + type[row]];
  natoms[0] = natoms[1] = static_cast<int32_t>(atoms.size());
  return natoms;
}

std::vector<Block> split(const dponnx_system& system, int32_t ntypes, int64_t size) {
  std::vector<Block> blocks;
  Splitter splitter(system, ntypes);
  for (const auto& atoms : cut(system, size)) blocks.push_back(splitter.build(atoms));
  return blocks;
}

}  // namespace dponnx

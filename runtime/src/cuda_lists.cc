// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_lists.h"

#include <algorithm>
#include <numeric>

#include "block.h"
#include "error.h"

namespace dponnx {

namespace {

int32_t mask_of(int32_t mask) { return mask ? mask : -1; }

}  // namespace

bool CudaLists::changed(const dponnx_system_cuda& system) const {
  const int32_t ago = system.nlist ? system.nlist->ago : system.host_nlist->ago;
  return ago <= 0 || natoms_ != system.natoms || nall_ != system.natoms + system.nghost;
}

void CudaLists::take(const dponnx_system_cuda& system) {
  blocks_.clear();
  natoms_ = -1;
  const int64_t nall = system.natoms + system.nghost;
  const int32_t* types = types_of(system);
  const CudaRows rows{nall, system.host_type ? type_.set(types, nall) : system.type, types};
  std::vector<int32_t> atoms;
  dponnx_nlist order{};
  if (system.nlist) {
    atoms = atoms_of(*system.nlist);
    order.inum = system.nlist->inum, order.ilist = atoms.data();
  } else {
    order = *system.host_nlist;
  }
  dponnx_system local{};
  local.natoms = system.natoms, local.type = types, local.nlist = &order;
  const auto groups = cut(local, block_size_);  // checks ilist, which copy() relies on
  dponnx_cuda_list list{};
  if (const dponnx_nlist_cuda* n = system.nlist) {
    list.neighbors = n->neighbors, list.count = n->numneigh;
    list.atom_stride = n->atom_stride, list.neighbor_stride = n->neighbor_stride;
    list.mask = mask_of(n->mask);
    list.padded = 1;
  } else {
    list = copy(*system.host_nlist, system.natoms);
  }
  for (const auto& group : groups) blocks_.push_back(builder_.build(list, rows, group));
  neighbors_.clear(), count_.clear(), first_.clear();
  natoms_ = system.natoms;
  nall_ = nall;
}

std::vector<int32_t> CudaLists::atoms_of(const dponnx_nlist_cuda& nlist) const {
  if (nlist.inum < 0) {
    fail(Code::invalid_argument, "inum is ", nlist.inum, "; expected 0 or more atoms");
  }
  std::vector<int32_t> atoms(nlist.inum);
  if (nlist.ilist) {
    device_.copy(atoms.data(), nlist.ilist, nlist.inum * sizeof(int32_t));
    device_.wait();
  } else {
    std::iota(atoms.begin(), atoms.end(), 0);
  }
  return atoms;
}

const int32_t* CudaLists::types_of(const dponnx_system_cuda& system) {
  const int64_t nall = system.natoms + system.nghost;
  types_.resize(nall);
  if (system.host_type) {
    std::copy_n(system.host_type, nall, types_.begin());
  } else {
    device_.copy(types_.data(), system.type, nall * sizeof(int32_t));
    device_.wait();
  }
  const int32_t ntypes = about_.ntypes;
  const auto wrong =
      std::find_if(types_.begin(), types_.end(), [&](int32_t t) { return t >= ntypes; });
  if (wrong != types_.end()) {
    fail(Code::invalid_argument, "atom ", wrong - types_.begin(), " has type ", *wrong,
         "; the model knows 0 to ", ntypes - 1, " (negative: virtual atom)");
  }
  return types_.data();
}

/// The host's list on the device, its rows one behind the other.
dponnx_cuda_list CudaLists::copy(const dponnx_nlist& nlist, int64_t natoms) {
  std::vector<int32_t> count(natoms, 0);
  std::vector<int64_t> first(natoms, 0);
  int64_t all = 0;
  for (int32_t k = 0; k < nlist.inum; ++k) {
    const int32_t i = nlist.ilist[k];
    count[i] = nlist.numneigh[i];
    first[i] = all;
    all += count[i];
  }
  CudaArray<int32_t> packed(device_, true);
  int32_t* to = packed.room(all);
  for (int32_t k = 0; k < nlist.inum; ++k) {
    const int32_t i = nlist.ilist[k];
    to = std::copy_n(nlist.firstneigh[i], count[i], to);
  }
  dponnx_cuda_list list{};
  list.neighbors = neighbors_.set(packed.data(), all);
  list.count = count_.set(count.data(), natoms);
  list.first = first_.set(first.data(), natoms);
  list.neighbor_stride = 1;
  list.mask = mask_of(nlist.mask);
  device_.wait();  // packed goes
  return list;
}

}  // namespace dponnx

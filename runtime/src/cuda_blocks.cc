// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_blocks.h"

#include <algorithm>

#include "block.h"

namespace dponnx {

CudaBlock CudaBlocks::build(const dponnx_cuda_list& list, const CudaRows& rows,
                            const std::vector<int32_t>& atoms) {
  const int64_t nloc = static_cast<int64_t>(atoms.size());
  const CudaFunctions& f = device_.functions();
  const dponnx_cuda_block scratch{rows.type,     rows.n,           atoms_.set(atoms.data(), nloc),
                                  nloc,          at_.room(rows.n), place_.room(rows.n + 1),
                                  sizes_.room(2)};
  device_.must(f.block_sizes(&list, &scratch, device_.stream()));
  int32_t* sizes = host_sizes_.room(2);
  device_.copy(sizes, sizes_.data(), 2 * sizeof(int32_t));
  device_.wait();

  CudaBlock block(device_);
  block.natoms = count_types(atoms, rows.host_type, about_.ntypes);
  block.natoms[1] += sizes[0];
  block.nnei = std::max(1, sizes[1]);
  device_.must(f.block_fill(&list, &scratch, block.rows.room(block.nall()),
                            block.atype.room(block.nall()), block.nlist.room(nloc * block.nnei),
                            block.nnei, device_.stream()));
  const std::vector<bool> has = about_.chosen_types();
  std::vector<int32_t> chosen;
  for (int32_t row : atoms) {
    if (has[rows.host_type[row]]) chosen.push_back(row);
  }
  block.nchosen = static_cast<int64_t>(chosen.size());
  block.chosen.set(chosen.data(), block.nchosen);
  return block;
}

}  // namespace dponnx

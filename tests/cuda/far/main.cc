// SPDX-License-Identifier: LGPL-3.0-or-later
#include <type_traits>

#include "far.h"
#include "warp.h"

using dponnx::cuda::blocks_for;
static_assert(std::is_same_v<decltype(dponnx::cuda::thread_of_grid()), int64_t>);
static_assert(std::is_same_v<decltype(dponnx::cuda::threads_of_grid()), int64_t>);
static_assert(std::is_same_v<decltype(dponnx::cuda::warp_of_grid()), int64_t>);

int main() {
  far::expect(blocks_for(int64_t(1) << 60, 256), dponnx::cuda::kMostBlocks, "most blocks");
  far::expect(blocks_for(0, 256), 1, "fewest blocks");
  far::expect(blocks_for((int64_t(1) << 33) + 1, 256), (1 << 25) + 1, "blocks of 2^33 + 1");
  far::check_scatter();
  far::check_tabulate();
  far::check_environment();
  far::check_descriptor();
  far::check_contract();
  std::puts("far offsets: good");
}

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "neighbors.h"

#include "counts.h"
#include "report.h"
#include "warp.h"

/// A warp an atom:
///
/// 1. 32 entries of nlist at a time, one a lane; those near go to the next slots of their group.
/// 2. A group that had too few slots is filled anew: the rank of each near entry among all of the
///    group is its slot. Rare and warned about: it recomputes distances rather than keep them.
namespace dponnx::cuda {

namespace {

constexpr int kWarps = 4, kThreads = kWarps * kLanes;

/// An entry of nlist; group < 0: it does not count.
template <class T>
struct Candidate {
  int32_t index;
  int type, group;
  T r2;
};

template <class T>
__device__ Candidate<T> candidate(const PlaceArgs<T>& args, int64_t i, int64_t k) {
  const ListArgs<T>& list = args.list;
  Candidate<T> found = {-1, -1, -1, T(0)};
  if (k >= list.nnei_in) return found;
  found.index = list.nlist_in[i * list.nnei_in + k];
  if (found.index < 0 || found.index >= args.nall) return found;
  found.type = list.atype[found.index];
  if (found.type < 0 || found.type >= args.n_types) return found;
  found.r2 = square_distance(list.coord + 3 * i, list.coord + 3 * int64_t(found.index));
  if (list.cut.reaches(found.r2)) found.group = args.mixed ? 0 : found.type;
  return found;
}

/// Adds to counts[key] how many lanes hold the key.
__device__ void count_keys(int key, int* counts) {
  for_each_key(key, [&](int now, unsigned same) {
    if (lane_of_warp() == 0) counts[now] += __popc(same);
    __syncwarp();
  });
}

/// Step 1. counts [groups] of all near entries, also of those that found no slot.
template <class T>
__device__ void place_in_order(const PlaceArgs<T>& args, int64_t i, bool is_real, int32_t* slots,
                               int* counts, Report* report) {
  const ListArgs<T>& list = args.list;
  const int lane = lane_of_warp();
  for (int64_t first = 0; first < list.nnei_in; first += kLanes) {
    const int64_t k = first + lane;
    Candidate<T> found = candidate(args, i, k);
    if (k < list.nnei_in && (found.index < -1 || found.index >= args.nall)) {
      tell(report, Finding::nlist, i * list.nnei_in + k, list.nnei_in, found.index, args.nall - 1);
    }
    if (!is_real) found.group = -1;
    for_each_key(found.group, [&](int group, unsigned same) {
      const int slot = counts[group] + lanes_before(same);
      const int at = list.sec[group] + slot;
      if (found.group == group && at < list.sec[group + 1]) slots[at] = found.index;
      __syncwarp();
      if (lane == 0) counts[group] += __popc(same);
      __syncwarp();
    });
  }
}

/// Step 2. left [n_types]: grows by those of each type that are left out.
template <class T>
__device__ void place_nearest(const PlaceArgs<T>& args, int64_t i, int group, int32_t* slots,
                              int* left) {
  const ListArgs<T>& list = args.list;
  const int begin = list.sec[group], room = list.sec[group + 1] - begin;
  for (int64_t first = 0; first < list.nnei_in; first += kLanes) {
    const int64_t k = first + lane_of_warp();
    const Candidate<T> mine = candidate(args, i, k);
    int rank = 0;
    for (int64_t m = 0; m < list.nnei_in; ++m) {
      const Candidate<T> other = candidate(args, i, m);
      const bool twice = other.index == mine.index;  // an atom listed again: in order
      rank += other.group == group &&
              (twice ? m < k : goes_before(other.r2, other.index, mine.r2, mine.index));
    }
    const bool counts = mine.group == group;
    if (counts && rank < room) slots[begin + rank] = mine.index;
    count_keys(counts && rank >= room ? mine.type : -1, left);
  }
}

template <class T>
__device__ void place_atom(const PlaceArgs<T>& args, int64_t row, int* counts, int* left,
                           Report* report) {
  const ListArgs<T>& list = args.list;
  const int lane = lane_of_warp();
  const int64_t i = args.first + row;
  const bool is_real = list.atype[i] >= 0 && list.atype[i] < args.n_types;
  int32_t* slots = args.slots + row * args.nnei;
  for (int t = lane; t < list.ntypes; t += kLanes) counts[t] = 0;
  for (int t = lane; t < args.n_types; t += kLanes) left[t] = 0;
  __syncwarp();
  place_in_order(args, i, is_real, slots, counts, report);
  for (int group = 0; group < list.ntypes; ++group) {
    const int begin = list.sec[group], room = list.sec[group + 1] - begin;
    const int filled = counts[group] < room ? counts[group] : room;
    if (counts[group] > room) place_nearest(args, i, group, slots, left);
    for (int k = filled + lane; k < room; k += kLanes) slots[begin + k] = -1;
    if (args.filled && lane == 0) args.filled[row * list.ntypes + group] = filled;
  }
  if (args.sel_overflow) {
    for (int t = lane; t < args.n_types; t += kLanes) {
      if (left[t] > 0) grow_to(args.sel_overflow + t, left[t]);
    }
  }
  __syncwarp();  // counts and left are the next atom's from here on
}

template <class T>
__global__ void __launch_bounds__(kThreads) place(PlaceArgs<T> args, Report* report) {
  for (int64_t k = thread_of_grid(); args.first == 0 && k < args.nall; k += threads_of_grid()) {
    const int type = args.list.atype[k];
    if (type >= args.n_types) tell(report, Finding::atype, k, 1, type, args.n_types - 1);
  }
  int* counts = dynamic_shared<int>() + warp_of_block() * (args.list.ntypes + args.n_types);
  for (int64_t row = warp_of_grid(); row < args.count; row += warps_of_grid()) {
    place_atom(args, row, counts, counts + args.list.ntypes, report);
  }
}

}  // namespace

template <class T>
void place_neighbors(const PlaceArgs<T>& args, cudaStream_t stream) {
  const size_t shared = kWarps * (args.list.ntypes + args.n_types) * sizeof(int);
  launch(place<T>, {blocks_for(args.count, kWarps), kThreads, shared}, stream, args,
         report_of_device());
}

template void place_neighbors(const PlaceArgs<float>&, cudaStream_t);
template void place_neighbors(const PlaceArgs<double>&, cudaStream_t);

}  // namespace dponnx::cuda

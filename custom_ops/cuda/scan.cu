// SPDX-License-Identifier: LGPL-3.0-or-later
#include "scan.h"

namespace dponnx::cuda {

namespace {

constexpr int kThreads = 256;
constexpr int64_t kEach = 4;  // numbers a thread
constexpr int64_t kChunk = kThreads * kEach;

/// The sum of what earlier threads of the block gave; *all: of what every thread gave.
__device__ int32_t sum_before(int32_t mine, int32_t* all) {
  __shared__ int32_t sums[kThreads];
  const int t = threadIdx.x;
  sums[t] = mine;
  __syncthreads();
  for (int step = 1; step < kThreads; step *= 2) {
    const int32_t other = t >= step ? sums[t - step] : 0;
    __syncthreads();
    sums[t] += other;
    __syncthreads();
  }
  const int32_t before = sums[t] - mine;
  *all = sums[kThreads - 1];
  __syncthreads();  // sums is free for the next call
  return before;
}

/// The thread's numbers of a chunk, 0 beyond n, and their sum.
__device__ int32_t load(const int32_t* values, int64_t n, int64_t chunk, int32_t (&mine)[kEach]) {
  int32_t sum = 0;
  for (int k = 0; k < kEach; ++k) {
    const int64_t at = chunk * kChunk + threadIdx.x * kEach + k;
    mine[k] = at < n ? values[at] : 0;
    sum += mine[k];
  }
  return sum;
}

__global__ void sum_chunks(const int32_t* values, int64_t n, int64_t chunks, int32_t* sums) {
  for (int64_t c = blockIdx.x; c < chunks; c += gridDim.x) {
    int32_t mine[kEach], all;
    sum_before(load(values, n, c, mine), &all);
    if (threadIdx.x == 0) sums[c] = all;
  }
}

/// By one block: sums becomes the sums before each chunk; *total that of all.
__global__ void scan_sums(int32_t* sums, int64_t chunks, int32_t* total) {
  int32_t carried = 0;
  for (int64_t c = 0; c * kChunk < chunks; ++c) {
    int32_t mine[kEach], all;
    int32_t before = carried + sum_before(load(sums, chunks, c, mine), &all);
    for (int k = 0; k < kEach; ++k) {
      const int64_t at = c * kChunk + threadIdx.x * kEach + k;
      if (at < chunks) sums[at] = before;
      before += mine[k];
    }
    carried += all;
  }
  if (threadIdx.x == 0) *total = carried;
}

__global__ void scan_chunks(int32_t* values, int64_t n, int64_t chunks, const int32_t* sums) {
  for (int64_t c = blockIdx.x; c < chunks; c += gridDim.x) {
    int32_t mine[kEach], all;
    int32_t before = sums[c] + sum_before(load(values, n, c, mine), &all);
    for (int k = 0; k < kEach; ++k) {
      const int64_t at = c * kChunk + threadIdx.x * kEach + k;
      if (at < n) values[at] = before;
      before += mine[k];
    }
  }
}

}  // namespace

void exclusive_scan(int32_t* values, int64_t n, cudaStream_t stream) {
  const int64_t chunks = blocks_for(n, kChunk);
  Scratch<int32_t> sums(chunks, stream);
  launch(sum_chunks, {chunks, kThreads}, stream, values, n, chunks, sums.data());
  launch(scan_sums, {1, kThreads}, stream, sums.data(), chunks, values + n);
  launch(scan_chunks, {chunks, kThreads}, stream, values, n, chunks, sums.data());
}

}  // namespace dponnx::cuda

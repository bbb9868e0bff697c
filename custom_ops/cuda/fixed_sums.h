// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cmath>

#include "device.h"

/// Sums that threads add to in any order and that are the same in every order: forces on atoms.
namespace dponnx::cuda {

#if defined(__CUDACC__) || defined(DPONNX_CUDA_EMULATED)
/// Numbers [n, Columns], Columns <= 32, each in two integers: value = low 2^-46 + high 16.
///
/// What is added is split into a multiple of 16 and a rest of at most 8, rounded to 2^-46 (7e-15 in
/// error; forces in eV/angstrom). The first is 0 but for huge forces and then costs nothing.
/// 2^14 additions of the largest rest fit. What is not finite, or from 2^52 on, makes the number
/// NaN.
template <int Columns>
struct FixedSums {
  static_assert(Columns <= 32);
  static constexpr double kUnit = 16, kScale = 70368744177664.0, kTooMuch = 4503599627370496.0;

  unsigned long long *low, *high;  ///< [n, Columns], two's complement
  unsigned* bad;                   ///< [n], bit k: column k is NaN

  __device__ void add(int64_t row, int column, double value) const {
    if (!(fabs(value) < kTooMuch)) {
      atomicOr(bad + row, 1u << column);
      return;
    }
    const double units = rint(value / kUnit), rest = value - units * kUnit;
    const int64_t at = row * Columns + column;
    atomicAdd(low + at, static_cast<unsigned long long>(__double2ll_rn(rest * kScale)));
    if (units != 0) atomicAdd(high + at, static_cast<unsigned long long>(__double2ll_rn(units)));
  }

  __device__ double value(int64_t row, int column) const {
    if (bad[row] >> column & 1) return static_cast<double>(NAN);
    const int64_t at = row * Columns + column;
    return static_cast<double>(static_cast<long long>(low[at])) / kScale +
           static_cast<double>(static_cast<long long>(high[at])) * kUnit;
  }
};

/// out [n, Columns].
template <int Columns, class T>
__global__ void read_fixed_sums(FixedSums<Columns> sums, int64_t n, T* out) {
  for (int64_t k = thread_of_grid(); k < n * Columns; k += threads_of_grid()) {
    out[k] = static_cast<T>(sums.value(k / Columns, static_cast<int>(k % Columns)));
  }
}

/// The memory of n such rows, zero at first, for kernels of this stream.
template <int Columns>
class FixedSumsMemory {
 public:
  FixedSumsMemory(int64_t n, cudaStream_t stream)
      : n_(n), stream_(stream), words_(2 * n * Columns, stream), bad_(n, stream) {
    words_.clear();
    bad_.clear();
  }
  FixedSums<Columns> sums() { return {words_.data(), words_.data() + n_ * Columns, bad_.data()}; }
  /// Writes the sums to out [n, Columns].
  template <class T>
  void read(T* out) {
    constexpr int kThreads = 256;
    launch(read_fixed_sums<Columns, T>, threads_over(kThreads, n_ * Columns), stream_, sums(), n_,
           out);
  }

 private:
  int64_t n_;
  cudaStream_t stream_;
  Scratch<unsigned long long> words_;
  Scratch<unsigned> bad_;
};
#endif

}  // namespace dponnx::cuda

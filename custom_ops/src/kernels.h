// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <type_traits>

#include "descriptor.h"
#include "kernel_args.h"

/// What every ISA file provides: plain functions over plain pointers.
namespace dponnx {

/// Kernels of an environment matrix of C columns.
template <class T>
struct RowKernels {
  /// Rows, derivatives and r_ij of atom i from its slots in args.nlist.
  void (*env_rows)(const EnvMatArgs<T>&, int64_t i);
  /// Adds the forces of atoms [begin, end) to force [nall, 3].
  void (*force)(const ScatterArgs<T>&, int64_t begin, int64_t end, T* force);
  /// Adds to virial [9] and, unless null, atom_virial [nall, 9].
  void (*virial)(const ScatterArgs<T>&, int64_t begin, int64_t end, T* virial, T* atom_virial);
};

/// Value and gradient of one kind of tabulation, for atoms (se_e2_r: neighbours) [begin, end).
template <class T>
struct TableKernels {
  using Function = void(const TabulateArgs<T>&, int64_t begin, int64_t end, TabulateScratch<T>);
  Function *forward, *gradient;
};

/// A layer of the fitting net and its gradient. scratch [rows of the part, depth].
template <class T>
struct LayerKernels {
  void (*forward)(const LayerArgs<T>&, const LayerPart&);
  void (*gradient)(const LayerGradArgs<T>&, const LayerPart&, T* scratch);
};

template <class T>
struct KernelsOf {
  /// Neighbours of atom i nearer than rcut: index and r^2, both with room for nnei_in + 1.
  int (*find_near)(const ListArgs<T>&, int64_t i, int32_t* index, T* r2);
  RowKernels<T> rows_4, rows_1;
  /// out[i] = sum_j em[i, j] (outer) G(em_x[i, j]) in se_e2_a and se_e3; out[j] = G(em_x[j]) in
  /// se_e2_r; as se_e2_a with G (1 + scale gate) in se_atten.
  TableKernels<T> table_a, table_t, table_r, table_atten;
  ContractKernels<T> contract;
  LayerKernels<T> layer;

  /// Those of an environment matrix of C columns.
  template <int C>
  const RowKernels<T>& rows() const {
    static_assert(C == 1 || C == 4);
    if constexpr (C == 4) {
      return rows_4;
    } else {
      return rows_1;
    }
  }
};

struct Kernels {
  const char* name;
  int vector_bytes;  ///< 0: one lane
  KernelsOf<float> of_float;
  KernelsOf<double> of_double;
  DescriptorKernelsOf<float, float> descriptors_float;
  DescriptorKernelsOf<double, double> descriptors_double;
  DescriptorKernelsOf<double, float> descriptors_mixed;

  template <class T>
  const KernelsOf<T>& of() const {
    if constexpr (std::is_same_v<T, float>) {
      return of_float;
    } else {
      return of_double;
    }
  }
  template <class E, class T>
  const DescriptorKernelsOf<E, T>& descriptors() const {
    if constexpr (std::is_same_v<E, float>) {
      return descriptors_float;
    } else if constexpr (std::is_same_v<T, double>) {
      return descriptors_double;
    } else {
      return descriptors_mixed;
    }
  }
  template <class T>
  int lanes() const {
    return vector_bytes == 0 ? 1 : vector_bytes / static_cast<int>(sizeof(T));
  }
};

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/env_mat.h>
#include <dponnx/table.h>

#include <cstdint>
#include <type_traits>

/// What every ISA file provides: plain functions over plain pointers, no ONNX Runtime types.
namespace dponnx {

/// Environment matrix of one frame. Shapes as in ProdEnvMatA; nnei = sec[ntypes].
template <class T>
struct EnvMatArgs {
  const T* coord;           ///< [nall, 3]
  const int32_t* atype;     ///< [nall]
  const int32_t* nlist_in;  ///< [nloc, nnei_in], -1 anywhere
  int64_t nnei_in;
  const T* avg;      ///< [ntypes, 4 nnei]
  const T* inv_std;  ///< [ntypes, 4 nnei], 1 / std
  Switch<T> cut;
  const int* sec;  ///< [ntypes + 1] first slot of each neighbour type
  int ntypes;
  T* descrpt;      ///< [nloc, 4 nnei]
  T* deriv;        ///< [nloc, 12 nnei]
  T* rij;          ///< [nloc, 3 nnei]
  int32_t* nlist;  ///< [nloc, nnei] by type, packed, then -1
};

/// Scatter of dE/d(environment matrix). Slots with nlist < 0 are skipped.
template <class T>
struct ScatterArgs {
  const T* net_deriv;  ///< [nloc, 4 nnei]
  const T* in_deriv;   ///< [nloc, 12 nnei]
  const T* rij;        ///< [nloc, 3 nnei], virial only
  const int32_t* nlist;
  int64_t nnei;
};

/// A table in the layout the kernels read: [row][vector][6][lane], lanes padded with zeros.
template <class T>
struct TableView {
  TableGrid<T> grid;
  const T* coef;
  int width, n_vectors;
  int64_t row_size;  ///< elements from one row to the next
};

/// One distinct neighbour of an atom, located in the table.
template <class T>
struct Located {
  const T* row;
  T dx, beyond;    ///< inside the row; along the tangent
  T em[4];         ///< forward: times run
  int first, run;  ///< neighbours [first, first + run) are identical
};

template <class T>
struct TabulateArgs {
  TableView<T> table;
  const T* em_x;  ///< [n nnei]
  const T* em;    ///< [n, nnei, 4]
  int64_t nnei;
  const T* dy;  ///< [n, 4, width], gradient only
  T* out;       ///< [n, 4, width], forward only
  T* dem_x;     ///< [n nnei], gradient only
  T* dem;       ///< [n, nnei, 4], gradient only
};

/// Memory a thread brings: located [nnei], dy [4 * n_vectors * lanes].
template <class T>
struct TabulateScratch {
  Located<T>* located;
  T* dy;
};

template <class T>
struct KernelsOf {
  /// Neighbours of atom i nearer than rcut: index and r^2, both with room for nnei_in + 1.
  int (*find_near)(const EnvMatArgs<T>&, int64_t i, int32_t* index, T* r2);
  /// Rows, derivatives and r_ij of atom i from its slots in args.nlist.
  void (*env_rows)(const EnvMatArgs<T>&, int64_t i);
  /// Adds the forces of atoms [begin, end) to force [nall, 3].
  void (*force)(const ScatterArgs<T>&, int64_t begin, int64_t end, T* force);
  /// Adds to virial [9] and, unless null, atom_virial [nall, 9].
  void (*virial)(const ScatterArgs<T>&, int64_t begin, int64_t end, T* virial, T* atom_virial);
  /// out[i] = sum_j em[i, j] (outer) G(em_x[i, j]) for atoms [begin, end).
  void (*tabulate)(const TabulateArgs<T>&, int64_t begin, int64_t end, TabulateScratch<T>);
  void (*tabulate_grad)(const TabulateArgs<T>&, int64_t begin, int64_t end, TabulateScratch<T>);
};

struct Kernels {
  const char* name;
  int vector_bytes;  ///< 0: one lane
  KernelsOf<float> of_float;
  KernelsOf<double> of_double;

  template <class T>
  const KernelsOf<T>& of() const {
    if constexpr (std::is_same_v<T, float>) {
      return of_float;
    } else {
      return of_double;
    }
  }
  template <class T>
  int lanes() const {
    return vector_bytes == 0 ? 1 : vector_bytes / static_cast<int>(sizeof(T));
  }
};

}  // namespace dponnx

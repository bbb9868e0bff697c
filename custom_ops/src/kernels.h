// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/env_mat.h>
#include <dponnx/table.h>

#include <cstdint>
#include <type_traits>

/// What every ISA file provides: plain functions over plain pointers, no ONNX Runtime types.
namespace dponnx {

/// Environment matrix of one frame, with C columns: 4 in ProdEnvMatA, 1 in ProdEnvMatR.
/// nnei = sec[ntypes].
template <class T>
struct EnvMatArgs {
  const T* coord;           ///< [nall, 3]
  const int32_t* atype;     ///< [nall]
  const int32_t* nlist_in;  ///< [nloc, nnei_in], -1 anywhere
  int64_t nnei_in;
  const int32_t* center;  ///< [nall] row of avg and inv_std for each atom; null: its atype
  const T* avg;           ///< [ntypes, C nnei]
  const T* inv_std;       ///< [ntypes, C nnei], 1 / std
  Switch<T> cut;
  const int* sec;  ///< [ntypes + 1] first slot of each neighbour type; ntypes = 1: mixed
  int ntypes;
  T* descrpt;      ///< [nloc, C nnei]
  T* deriv;        ///< [nloc, 3 C nnei]
  T* rij;          ///< [nloc, 3 nnei]
  int32_t* nlist;  ///< [nloc, nnei] by type, packed, then -1
};

/// Scatter of dE/d(environment matrix of C columns). Slots with nlist < 0 are skipped.
template <class T>
struct ScatterArgs {
  const T* net_deriv;  ///< [nloc, C nnei]
  const T* in_deriv;   ///< [nloc, 3 C nnei]
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
  T em[4];         ///< se_e2_a; forward: times run
  int first, run;  ///< neighbours [first, first + run) are identical
  const T* gate;   ///< se_atten: G counts (1 + scale gate) times
  T scale;
};

/// What chooses the gates of neighbours in se_atten; without rows there are none.
template <class T>
struct Gates {
  const T* rows;         ///< [., vectors of the table], padded with zeros
  const int32_t* index;  ///< [n nnei] the row of each neighbour
  const T* scale;        ///< [n nnei]; null: 1
};

/// What the pairs of an atom that fall into one row of the table have in common (se_e3).
template <class T>
struct RowShare {
  const T* row;
  T of[6];  ///< forward: sum of em dx^k; gradient: sum over outputs of dy a_k
};

/// Shapes of se_e2_a and se_atten; se_e3; se_e2_r. In se_e3 nnei counts pairs of neighbours, C = 1.
template <class T>
struct TabulateArgs {
  TableView<T> table;
  const T* em_x;   ///< [n nnei]
  const T* em;     ///< [n, nnei, 4]; [n, nnei]; none
  Gates<T> gates;  ///< se_atten only
  int64_t nnei;
  const T* dy;  ///< shape of out, gradient only
  T* out;       ///< [n, 4, width]; [n, width]; [n, nnei, width], forward only
  T* dem_x;     ///< [n nnei], gradient only
  T* dem;       ///< shape of em, gradient only
  T* dscale;    ///< [n nnei], gradient only; may be null
};

/// Memory a thread brings.
template <class T>
struct TabulateScratch {
  Located<T>* located;    ///< se_e2_a, se_atten: [nnei], se_e2_r: [end - begin]
  T* dy;                  ///< [4 * n_vectors * lanes]
  RowShare<T>* shares;    ///< se_e3: [min(nnei, rows of the table)]
  int32_t* share_of_row;  ///< se_e3: [rows of the table], -1 before and after
};

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

template <class T>
struct KernelsOf {
  /// Neighbours of atom i nearer than rcut: index and r^2, both with room for nnei_in + 1.
  int (*find_near)(const EnvMatArgs<T>&, int64_t i, int32_t* index, T* r2);
  RowKernels<T> rows_4, rows_1;
  /// out[i] = sum_j em[i, j] (outer) G(em_x[i, j]) in se_e2_a and se_e3; out[j] = G(em_x[j]) in
  /// se_e2_r; as se_e2_a with G (1 + scale gate) in se_atten.
  TableKernels<T> table_a, table_t, table_r, table_atten;

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

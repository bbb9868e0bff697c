// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx/activation.h>
#include <dponnx/env_mat.h>
#include <dponnx/table.h>

#include <cstdint>

/// What the kernels are called with: plain pointers, no ONNX Runtime types.
namespace dponnx {

/// Atoms, who lists whom, and how many neighbours of each type count. nnei = sec[ntypes].
template <class T>
struct ListArgs {
  const T* coord;           ///< [nall, 3]
  const int32_t* atype;     ///< [nall]
  const int32_t* nlist_in;  ///< [nloc, nnei_in], -1 anywhere
  int64_t nnei_in;
  Switch<T> cut;
  const int* sec;  ///< [ntypes + 1] first slot of each neighbour type; ntypes = 1: mixed
  int ntypes;
};

/// Environment matrix of one frame, with C columns: 4 in ProdEnvMatA, 1 in ProdEnvMatR.
template <class T>
struct EnvMatArgs : ListArgs<T> {
  const int32_t* center;  ///< [nall] row of avg and inv_std for each atom; null: its atype
  const T* avg;           ///< [ntypes, C nnei]
  const T* inv_std;       ///< [ntypes, C nnei], 1 / std
  T* descrpt;             ///< [nloc, C nnei]
  T* deriv;               ///< [nloc, 3 C nnei]
  T* rij;                 ///< [nloc, 3 nnei]
  int32_t* nlist;         ///< [nloc, nnei] by type, packed, then -1
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
  T dx, beyond;             ///< inside the row; along the tangent
  T em[4];                  ///< se_e2_a; forward: times run
  int first, run;           ///< neighbours [first, first + run) are identical
  T scale;                  ///< fused descriptors: factor of its table
  const T* gate = nullptr;  ///< se_atten: G counts (1 + gate_scale gate) times
  T gate_scale = 0;
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
  int number;  ///< of the row
  T of[6];     ///< forward: sum of em dx^k; gradient: sum over outputs of dy a_k
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

/// A matrix [depth, columns] laid out for layers: panels of kPanelVectors vectors of columns, in
/// each one row of the matrix after the other. The last panel has as many vectors as its columns
/// need, their last lanes 0.
constexpr int kPanelVectors = 3;
template <class T>
struct PanelView {
  const T* data;
  int64_t depth, columns;
};

/// What one task computes: these rows of these panels of the output.
struct LayerPart {
  int64_t row_begin, row_end, panel_begin, panel_end;
};

/// y = residual + idt a(x w + bias). slope = idt a'(x w + bias).
template <class T>
struct LayerArgs {
  const T* x;  ///< [n, depth]
  PanelView<T> w;
  const T* bias;      ///< [columns]
  const T* idt;       ///< [columns] or null: 1
  const T* residual;  ///< [n, columns] or null: 0
  Activation activation;
  T *y, *slope;  ///< [n, columns]; slope may be null
};

/// dx = more + (dy slope) w, w the layer's matrix transposed.
template <class T>
struct LayerGradArgs {
  const T *slope, *dy;  ///< [n, depth]
  PanelView<T> w;
  const T* more;  ///< [n, columns] or null: 0
  T* dx;          ///< [n, columns]
};

}  // namespace dponnx

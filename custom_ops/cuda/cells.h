// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "runtime_api.h"

/// Neighbours of atoms in a box of any shape, periodic along some of its vectors, found on the
/// device. Arguments: see runtime_api.h. The order is the same from run to run.
///
/// 1. wrap: atoms go into the box; each one's images within rcut of the box are counted;
/// 2. images: they become rows of their own behind the atoms;
/// 3. grid, sort: all rows into cells of at least rcut between opposite faces, wider ones where
///    these would be many more than the rows;
/// 4. count, then neighbors: a warp an atom looks at the 27 cells around it.
namespace dponnx::cuda {

void wrap(const dponnx_cuda_box& box, double* coord, int64_t n, int32_t* first, double* bounds,
          cudaStream_t stream);
void images(const dponnx_cuda_box& box, double* coord, int32_t* type, int64_t n,
            const int32_t* first, cudaStream_t stream);
void grid(dponnx_cuda_cells& cells, const double* bounds, int64_t nrows);
void sort(const dponnx_cuda_cells& cells, int64_t nrows, int32_t* start, int32_t* rows,
          cudaStream_t stream);
void count(const dponnx_cuda_cells& cells, const int32_t* atoms, int64_t n, int32_t* count,
           int32_t* most, cudaStream_t stream);
void neighbors(const dponnx_cuda_cells& cells, const int32_t* atoms, int64_t n, int64_t most,
               int32_t* neighbors, cudaStream_t stream);

}  // namespace dponnx::cuda

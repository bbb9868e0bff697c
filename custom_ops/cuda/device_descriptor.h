// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "descriptor.h"
#include "device.h"

/// Fused descriptors on the device: from coordinates and neighbours to sums over neighbours, and
/// back to forces. The numbers of src/descriptor_body.h.
namespace dponnx::cuda {

/// One frame; every pointer is the device's, sec too. Tables are [row][6][width] (device_table.h).
template <class E, class T>
struct DescriptorFrame : DescriptorArgs<E, T> {
  int64_t nloc, nall;
  int nnei;            ///< sum of sel
  TableView<T> block;  ///< of all tables, one below the other
};

/// What a descriptor counts besides, each null if it is not wanted; overwritten.
struct DescriptorCounts {
  int64_t* table_overflow;  ///< [n_tables, 2]
  int64_t n_tables;
  int64_t* sel_overflow;  ///< [ntypes]
};

/// Writes frame.out.
template <class E, class T>
void descriptor_sum(Descriptor kind, const DescriptorFrame<E, T>& frame,
                    const DescriptorCounts& counts, cudaStream_t stream);

/// Writes sums from frame.dy: the same numbers each time (fixed_sums.h).
template <class E, class T>
void descriptor_gradient(Descriptor kind, const DescriptorFrame<E, T>& frame,
                         const PairSums<E>& sums, cudaStream_t stream);

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include "device.h"
#include "kernel_args.h"

/// The neighbours that count, found on the device: those of nlist within rcut, by type.
namespace dponnx::cuda {

/// What to find and where to put it, for atoms [first, first + count). Pointers are the device's.
template <class T>
struct PlaceArgs {
  ListArgs<T> list;  ///< sec on the device, too; list.ntypes groups of slots
  int64_t nall, first, count;
  int n_types;            ///< of atoms; a higher one in atype is reported and left out
  bool mixed;             ///< neighbours of all types share the one group
  int nnei;               ///< slots of an atom, sec[list.ntypes]
  int32_t* slots;         ///< [count, nnei]
  int32_t* filled;        ///< [count, list.ntypes] slots in use, or null
  int64_t* sel_overflow;  ///< [n_types] or null: grows to the most neighbours of a type left out
};

/// Fills slots for each atom: real neighbours of each group packed, in the order they were listed,
/// then -1. A group with more of them than slots keeps the nearest, ties by index. As
/// src/neighbors.h does on the host; nlist and atype are checked here (report.h).
template <class T>
void place_neighbors(const PlaceArgs<T>& args, cudaStream_t stream);

}  // namespace dponnx::cuda

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <vector>

#include "kernel_args.h"
#include "ort.h"

/// What operators that look at atoms and their neighbours read from node and inputs.
namespace dponnx {

/// Two cutoff attributes; fails unless 0 <= rmin < rmax.
template <class T>
Switch<T> read_switch(const Ort::ConstKernelInfo& info, const char* rmin, const char* rmax);

/// First slot of each neighbour type, and the end of the last, from one number of slots a type.
std::vector<int> read_sections(const Ort::ConstKernelInfo& info, const char* sel);

/// The inputs coord, atype, natoms, nlist, the first four of a node, their shapes checked. There
/// are as many types as sections, or, mixed, as natoms tells. Reads natoms only.
template <class T>
struct Frame {
  Frame(const Ort::KernelContext& context, const Port* ports, const Switch<T>& cut,
        const std::vector<int>& sections, bool mixed = false);

  /// Fails at the first element of atype or nlist that is out of range. For arrays on the host.
  void check_indices() const;

  int64_t nloc, nall, ntypes;
  ListArgs<T> list;

 private:
  Input<int32_t> atype_, nlist_;
};

}  // namespace dponnx

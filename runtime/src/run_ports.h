// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <string>
#include <vector>

#include "session.h"

/// A model's inputs and outputs by name (docs/format.md), for one run on a block.
namespace dponnx {

/// Where a block's inputs lie: in the session's memory, or, where it says so, on the host.
struct BlockInputs {
  int64_t nloc, nall, nnei;
  const double *coord, *fparam, *aparam;
  const int32_t *atype, *nlist;
  const int32_t* natoms;      ///< [2 + ntypes] on the host
  const int64_t* evaluation;  ///< on the host
  const bool* atom_virial;    ///< on the host
};

struct Feed {
  const char* name;
  Ort::Value value;
};

/// Those that the model has.
std::vector<Feed> feeds_of(const Session& session, const BlockInputs& inputs);

/// The outputs that results ask for, and where each is among them: -1, not asked for.
struct Wanted {
  Wanted(const dponnx_result& result, const Session& session);
  bool host(int at) const { return at == tables || at == sel; }  ///< read by the host
  std::vector<std::string> names;
  int energy, force, virial, atom_energy, atom_virial, tables, sel;
};

}  // namespace dponnx

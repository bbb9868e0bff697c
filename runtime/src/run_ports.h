// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <dponnx.h>

#include <array>
#include <string>
#include <vector>

#include "session.h"

/// A model's inputs and outputs by name (docs/format.md), for one run on a block.
namespace dponnx {

/// One of the results, and how many numbers it has for each component of the quantity.
struct ResultPart {
  double* dponnx_result::* where;
  int64_t count;
};

/// All five, for natoms local atoms in nall rows.
inline std::array<ResultPart, 5> result_parts(int64_t natoms, int64_t nall) {
  return {{{&dponnx_result::energy, 1},
           {&dponnx_result::force, 3 * nall},
           {&dponnx_result::virial, 9},
           {&dponnx_result::atom_energy, natoms},
           {&dponnx_result::atom_virial, 9 * nall}}};
}

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

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "about.h"

namespace dponnx {

/// What the overflow check found in the blocks of one evaluation.
class OverflowSum {
 public:
  /// Forgets, for the evaluation that begins.
  void begin() { fresh_ = true; }

  /// Adds a block: tables [ntables, 2] counts, -1 if this evaluation is none to check; sel
  /// [nenv, ntypes] neighbours beyond sel. Whatever was found before stays until a checked block.
  void add(const int64_t* tables, int64_t ntables, const int64_t* sel, int64_t nenv,
           int64_t ntypes);

  const std::vector<int64_t>& tables() const { return tables_; }
  const std::vector<int64_t>& sel() const { return sel_; }

  /// A line a finding.
  std::string text(const About& about) const;

 private:
  bool fresh_ = true;
  std::vector<int64_t> tables_, sel_;
};

}  // namespace dponnx

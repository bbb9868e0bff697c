// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dponnx {

/// What a model file says about itself: its checked metadata (docs/format.md).
struct About {
  std::string name;  ///< the file, or what messages call the model
  std::string model_type, precision;
  std::vector<std::string> type_names;  ///< [ntypes]
  std::vector<int32_t> sel;             ///< [ntypes]
  std::vector<int32_t> sel_type;        ///< types of the atoms that have the quantity
  double rcut = 0;                      ///< angstrom
  int32_t ntypes = 0, components = 1, dim_fparam = 0, dim_aparam = 0;
  bool compressed = false;
  int64_t bytes_per_atom = 0;            ///< memory of a run; 0: not known
  std::vector<std::string> table_lines;  ///< name, types, two distances: one line a table
  std::map<std::string, std::string> entries;

  /// What the model predicts: energy, dipole, polar, dos.
  std::string quantity() const { return model_type == "ener" ? "energy" : model_type; }
  /// Bytes for evaluating a local atom; a guess for files that do not say.
  int64_t memory_per_atom() const { return bytes_per_atom > 0 ? bytes_per_atom : 512 * 1024; }
  /// Of each type, whether its atoms have the quantity.
  std::vector<bool> chosen_types() const {
    std::vector<bool> chosen(ntypes, false);
    for (int32_t t : sel_type) chosen[t] = true;
    return chosen;
  }
  bool has_force() const { return model_type != "dos"; }
};

/// From the raw entries. Throws Error, invalid_model, naming the entry that is missing or wrong.
About read_about(const std::string& name, std::map<std::string, std::string> entries);

}  // namespace dponnx

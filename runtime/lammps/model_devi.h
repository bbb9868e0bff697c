// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_MODEL_DEVI_H
#define DPONNX_LAMMPS_MODEL_DEVI_H

#include <fstream>
#include <vector>

#include "engine_state.h"
#include "settings.h"

namespace dponnx_lammps {

/// Writes model_devi.out: a line a step with the deviation of several models, in the columns and
/// widths of DeePMD-kit's pair style (dp-gen reads them) and in LAMMPS's units.
class ModelDevi : protected LAMMPS_NS::Pointers {
 public:
  /// Opens the file on rank 0; append: behind the lines of an earlier run, without a header.
  /// Raises std::runtime_error on every rank if it cannot.
  ModelDevi(LAMMPS_NS::LAMMPS* lmp, const Settings& settings, bool append);

  /// Raises std::runtime_error if the system cannot be reported as asked.
  void init() const;

  bool due(LAMMPS_NS::bigint step) const;

  /// Collective. forces [models][nlocal, 3]: eV/angstrom, ghosts' shares added to their owners;
  /// virials [models][9]: eV, of this rank's atoms.
  void write(const std::vector<const double*>& forces, const std::vector<double>& virials,
             const Units& units);

 private:
  struct Spread {
    double max, min, avg;
  };

  Spread virial_spread(const std::vector<double>& virials, int models, double level) const;
  Spread force_spread(const std::vector<double>& deviation) const;
  std::vector<double> gather(const std::vector<double>& deviation) const;

  Settings settings_;
  std::ofstream file_;  // of rank 0
};

}  // namespace dponnx_lammps

#endif

// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_PARAMETERS_H
#define DPONNX_LAMMPS_PARAMETERS_H

#include <vector>

#include "models.h"
#include "pointers.h"

namespace LAMMPS_NS {
class Compute;
}

namespace dponnx_lammps {

/// Frame and atomic parameters of each step, given once or taken from a compute of LAMMPS.
class Parameters : protected LAMMPS_NS::Pointers {
 public:
  /// Raises std::runtime_error if what the models take and what is given differ.
  Parameters(LAMMPS_NS::LAMMPS* lmp, const Settings& settings, const dponnx_info& info);

  /// Finds the computes. Raises std::runtime_error if one is missing or gives something else.
  void init();

  /// Takes this step's values; collective.
  void update(int nlocal);

  /// Puts them into a system. Valid until the next update.
  void fill(dponnx_system& system) const;

 private:
  void update_frame();
  void update_atomic(int nlocal);

  Settings settings_;
  int dim_fparam_, dim_aparam_;
  LAMMPS_NS::Compute* frame_ = nullptr;
  LAMMPS_NS::Compute* atomic_ = nullptr;
  std::vector<double> fparam_, aparam_;
};

}  // namespace dponnx_lammps

#endif

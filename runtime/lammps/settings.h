// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_SETTINGS_H
#define DPONNX_LAMMPS_SETTINGS_H

#include <string>
#include <vector>

namespace dponnx_lammps {

/// What to do about inputs beyond a model's tables, or more neighbours than sel.
enum class Overflow { ignore, warn, error };

/// The arguments of `pair_style dponnx` (docs/lammps.md).
struct Settings {
  std::vector<std::string> arguments;  ///< as given: what a restart file keeps
  std::vector<std::string> models;     ///< paths; forces come from the first
  std::string out_file = "model_devi.out";
  int out_freq = 100;                  ///< steps between lines of out_file; 0: none
  bool atomic = false;                 ///< also the deviation of each atom
  double relative = -1;                ///< level of the force, in LAMMPS's units; below 0: absolute
  double relative_v = -1;              ///< level of the virial an atom, likewise
  std::vector<double> fparam, aparam;  ///< of the frame, of every atom
  std::string fparam_compute, aparam_compute;  ///< IDs of the computes that give them instead
  Overflow overflow = Overflow::warn;
  int threads = 1;  ///< of one operator, a rank
  int gpus = 0;     ///< CUDA devices of a node, its ranks take them in turn; 0: CPU
};

/// Raises std::runtime_error, one line: which argument, what was found, what was expected.
Settings parse(const std::vector<std::string>& arguments);

}  // namespace dponnx_lammps

#endif

// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_MODELS_H
#define DPONNX_LAMMPS_MODELS_H

#include <mpi.h>

#include <memory>
#include <string>
#include <vector>

#include "dponnx.h"
#include "settings.h"

namespace dponnx_lammps {

/// The models of a pair style, opened on every rank. They agree in type, types and parameters.
class Models {
 public:
  /// Raises std::runtime_error, the same on every rank, whichever rank the trouble is on.
  Models(const Settings& settings, MPI_Comm world);

  int count() const { return static_cast<int>(models_.size()); }
  dponnx_model* operator[](int m) const { return models_[m].get(); }
  const dponnx_info& info(int m = 0) const { return *dponnx_get_info(models_[m].get()); }
  double rcut() const;               ///< the largest, angstrom
  std::string types() const;         ///< "O H"
  std::string name(int type) const;  ///< "O", its number where it has no name; NULL below 0
  std::string banner() const;        ///< what runs, for the log

  /// Type of the model for each type of LAMMPS [1 + ntypes], -1 for NULL; [0] is not used. names
  /// [ntypes] are the model's or NULL; none: types in order. Raises std::runtime_error.
  std::vector<int> match(const std::vector<std::string>& names, int ntypes) const;

 private:
  struct Close {
    void operator()(dponnx_model* model) const { dponnx_close(model); }
  };

  void open(const dponnx_options& options);
  void agree() const;

  Settings settings_;
  std::vector<std::unique_ptr<dponnx_model, Close>> models_;
};

}  // namespace dponnx_lammps

#endif

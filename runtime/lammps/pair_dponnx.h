// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_PAIR_DPONNX_H
#define DPONNX_LAMMPS_PAIR_DPONNX_H

#include <memory>
#include <string>
#include <vector>

#include "engine_state.h"
#include "model_devi.h"
#include "models.h"
#include "pair.h"
#include "parameters.h"

namespace LAMMPS_NS {

/// `pair_style dponnx`: models of libdponnx on LAMMPS's atoms and neighbours (docs/lammps.md).
///
/// A step: 1. engine state; 2. every model wanted in this step, each into its own forces;
/// 3. forces, energies and virials of the first model, ghosts' shares included, which LAMMPS
/// returns to their owners; 4. the deviation between models.
class PairDponnx : public Pair {
 public:
  explicit PairDponnx(LAMMPS* lmp);
  ~PairDponnx() override;

  void settings(int narg, char** arg) override;
  void coeff(int narg, char** arg) override;
  void init_style() override;
  double init_one(int i, int j) override;
  void setup() override;
  void compute(int eflag, int vflag) override;
  void* extract(const char* name, int& dim) override;
  double memory_usage() override;

  void write_restart(FILE* file) override;
  void read_restart(FILE* file) override;
  void write_restart_settings(FILE* file) override;
  void read_restart_settings(FILE* file) override;

  int pack_reverse_comm(int n, int first, double* buffer) override;
  void unpack_reverse_comm(int n, int* rows, double* buffer) override;

 private:
  /// What one model says of this step, in eV and angstrom; empty: not asked for.
  struct Prediction {
    double energy = 0;
    std::vector<double> force, virial, atom_energy, atom_virial;
  };

  void take(const std::vector<std::string>& arguments);
  void open();
  void set_types();
  bool hides_neighbors() const;
  void evaluate(int m, Prediction& prediction);
  void add(const Prediction& prediction);
  void check_overflow(int m);
  void report_deviation();
  double uniform_scale() const;

  dponnx_lammps::Settings settings_;
  std::vector<std::string> names_;  // of pair_coeff; none: types in order
  std::vector<int> types_;          // the model's type of each atom type [1 + ntypes]
  bool restarted_ = false;
  dponnx_lammps::Units units_;
  double** scale_ = nullptr;  // of extract(), for compute ti and fix adapt
  double cutoff_ = 0;         // in LAMMPS's units

  std::unique_ptr<dponnx_lammps::Models> models_;  // none after a restart, until needed
  std::unique_ptr<dponnx_lammps::Parameters> parameters_;
  std::unique_ptr<dponnx_lammps::ModelDevi> deviation_;  // of several models
  dponnx_lammps::EngineState state_;
  std::vector<std::int64_t> seen_;      // version of the state each model saw last
  std::vector<std::string> overflows_;  // what each model's last check found

  std::vector<Prediction> predictions_;  // of the last step, one a model evaluated
};

}  // namespace LAMMPS_NS

#endif

// SPDX-License-Identifier: LGPL-3.0-or-later
// A step: the models, their results in LAMMPS's arrays, and the deviation between them.
#include <algorithm>

#include "atom.h"
#include "comm.h"
#include "error.h"
#include "pair_dponnx.h"
#include "update.h"

using namespace LAMMPS_NS;
namespace ours = dponnx_lammps;

namespace {

// Elements of a row-by-row 3 x 3 virial in LAMMPS's orders.
constexpr int kCentroid[9] = {0, 4, 8, 3, 6, 7, 1, 2, 5};  // xx yy zz xy xz yz yx zx zy
constexpr int kTransposed[9] = {0, 4, 8, 1, 2, 5, 3, 6, 7};

}  // namespace

double PairDponnx::uniform_scale() const {
  for (int i = 1; i <= atom->ntypes; ++i)
    for (int j = i; j <= atom->ntypes; ++j)
      if (scale_[i][j] != scale_[1][1])
        error->all(FLERR,
                   "Pair style dponnx: scale differs between atom types; the models are scaled as "
                   "a whole. Use * * for the types");
  return scale_[1][1];
}

void PairDponnx::compute(int eflag, int vflag) {
  ev_init(eflag, vflag);
  state_.update(list, types_, units_.distance);
  parameters_->update(state_.nlocal());
  const bool compare = deviation_ && deviation_->due(update->ntimestep);
  const int asked = compare ? models_->count() : 1;
  for (int m = 0; m < asked; ++m) {
    Prediction& prediction = predictions_[m];
    prediction.force.resize(3 * static_cast<size_t>(state_.nall()));
    prediction.virial.resize(compare || (m == 0 && vflag_global) ? 9 : 0);
    prediction.atom_energy.resize(m == 0 && eflag_atom ? state_.nlocal() : 0);
    prediction.atom_virial.resize(
        m == 0 && (vflag_atom || cvflag_atom) ? 9 * static_cast<size_t>(state_.nall()) : 0);
    evaluate(m, prediction);
  }
  add(predictions_[0]);
  if (compare) report_deviation();
}

void PairDponnx::evaluate(int m, Prediction& prediction) {
  dponnx_system system = state_.system(seen_[m]);
  parameters_->fill(system);
  const auto wanted = [](std::vector<double>& values) {
    return values.empty() ? nullptr : values.data();
  };
  dponnx_result result{};
  result.energy = &prediction.energy;
  result.force = wanted(prediction.force);
  result.virial = wanted(prediction.virial);
  result.atom_energy = wanted(prediction.atom_energy);
  result.atom_virial = wanted(prediction.atom_virial);
  if (dponnx_compute((*models_)[m], &system, &result))
    error->one(FLERR, std::string("Pair style dponnx: ") + dponnx_last_error());
  seen_[m] = state_.version();
  if (settings_.overflow != ours::Overflow::ignore && models_->info(m).ntables) check_overflow(m);
}

void PairDponnx::add(const Prediction& prediction) {
  const double scale = uniform_scale();
  const double force_unit = scale * units_.force(), energy_unit = scale * units_.energy;
  const int nall = state_.nall();
  for (int i = 0; i < nall; ++i)
    for (int d = 0; d < 3; ++d) atom->f[i][d] += force_unit * prediction.force[3 * i + d];
  if (eflag_global) eng_vdwl += energy_unit * prediction.energy;
  if (vflag_global)
    for (int k = 0; k < 6; ++k) virial[k] += energy_unit * prediction.virial[kCentroid[k]];
  if (eflag_atom)
    for (int i = 0; i < state_.nlocal(); ++i) eatom[i] += energy_unit * prediction.atom_energy[i];
  for (int i = 0; i < nall && (vflag_atom || cvflag_atom); ++i) {
    const double* v = &prediction.atom_virial[9 * static_cast<size_t>(i)];
    for (int k = 0; k < 6 && vflag_atom; ++k)
      vatom[i][k] += energy_unit * 0.5 * (v[kCentroid[k]] + v[kTransposed[k]]);
    for (int k = 0; k < 9 && cvflag_atom; ++k) cvatom[i][k] += energy_unit * v[kCentroid[k]];
  }
}

void PairDponnx::report_deviation() {
  comm->reverse_comm(this);
  std::vector<const double*> forces;
  std::vector<double> virials;
  for (const Prediction& prediction : predictions_) {
    forces.push_back(prediction.force.data());
    virials.insert(virials.end(), prediction.virial.begin(), prediction.virial.end());
  }
  deviation_->write(forces, virials, units_);
}

int PairDponnx::pack_reverse_comm(int n, int first, double* buffer) {
  int k = 0;
  for (int i = first; i < first + n; ++i)
    for (const Prediction& prediction : predictions_)
      for (int d = 0; d < 3; ++d) buffer[k++] = prediction.force[3 * static_cast<size_t>(i) + d];
  return k;
}

void PairDponnx::unpack_reverse_comm(int n, int* rows, double* buffer) {
  int k = 0;
  for (int i = 0; i < n; ++i)
    for (Prediction& prediction : predictions_)
      for (int d = 0; d < 3; ++d)
        prediction.force[3 * static_cast<size_t>(rows[i]) + d] += buffer[k++];
}

void PairDponnx::check_overflow(int m) {
  const dponnx_info& info = models_->info(m);
  std::vector<int64_t> tables(2 * info.ntables), sel(info.ntypes);
  std::string found = dponnx_overflow((*models_)[m], tables.data(), sel.data());
  for (size_t at; (at = found.find('\n')) != std::string::npos;) found.replace(at, 1, "; ");
  if (found == overflows_[m]) return;
  overflows_[m] = found;
  if (found.empty()) return;
  // As in Python: beyond the tables or sel is an error, within their coarse part a warning.
  bool serious = std::any_of(sel.begin(), sel.end(), [](int64_t above) { return above > 0; });
  for (int t = 0; t < info.ntables; ++t) serious = serious || tables[2 * t + 1] > 0;
  const std::string text = "Pair style dponnx: " + settings_.models[m] + ": " + found;
  if (serious && settings_.overflow == ours::Overflow::error) error->one(FLERR, text);
  error->warning(FLERR, text);
}

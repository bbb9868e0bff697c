// SPDX-License-Identifier: LGPL-3.0-or-later
#include "model_devi.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <limits>
#include <stdexcept>

#include "atom.h"
#include "comm.h"
#include "dponnx.h"
#include "update.h"

namespace dponnx_lammps {
namespace {

constexpr int kStepWidth = 12, kWidth = 18;

}  // namespace

ModelDevi::ModelDevi(LAMMPS_NS::LAMMPS* lmp, const Settings& settings, bool append)
    : Pointers(lmp), settings_(settings) {
  int failed = 0;
  if (comm->me == 0) {
    file_.open(settings.out_file, append ? std::ios::app : std::ios::trunc);
    file_ << std::scientific;
    if (!append) {
      file_ << "#" << std::setw(kStepWidth - 1) << "step";
      for (const char* name :
           {"max_devi_v", "min_devi_v", "avg_devi_v", "max_devi_f", "min_devi_f", "avg_devi_f"})
        file_ << std::setw(kWidth + 1) << name;
      if (settings.atomic) file_ << std::setw(kWidth + 1) << "atm_devi_f(N)";
      file_ << std::endl;
    }
    failed = !file_;
  }
  MPI_Bcast(&failed, 1, MPI_INT, 0, world);
  if (failed)
    throw std::runtime_error("out_file " + settings.out_file +
                             ": cannot be written; name another file or make its folder");
}

void ModelDevi::init() const {
  if (settings_.atomic && !atom->tag_enable)
    throw std::runtime_error(
        "atomic lists atoms by ID, which this system lacks; use atom_modify id yes");
}

bool ModelDevi::due(LAMMPS_NS::bigint step) const {
  return settings_.out_freq > 0 && step % settings_.out_freq == 0;
}

void ModelDevi::write(const std::vector<const double*>& forces, const std::vector<double>& virials,
                      const Units& units) {
  const int models = static_cast<int>(forces.size());
  std::vector<double> deviation(atom->nlocal);
  dponnx_force_deviation(forces.data(), models, atom->nlocal, settings_.relative / units.force(),
                         deviation.data());
  const Spread v = virial_spread(virials, models, settings_.relative_v / units.energy);
  const Spread f = force_spread(deviation);
  const std::vector<double> atoms = settings_.atomic ? gather(deviation) : std::vector<double>();
  if (comm->me != 0) return;
  // As DeePMD-kit does, relative deviations are multiplied by the unit, too.
  file_ << std::setw(kStepWidth) << update->ntimestep;
  for (const double e : {v.max, v.min, v.avg})
    file_ << " " << std::setw(kWidth) << e * units.energy;
  for (const double e : {f.max, f.min, f.avg})
    file_ << " " << std::setw(kWidth) << e * units.force();
  for (const double e : atoms) file_ << " " << std::setw(kWidth) << e * units.force();
  file_ << std::endl;
}

ModelDevi::Spread ModelDevi::virial_spread(const std::vector<double>& virials, int models,
                                           double level) const {
  std::vector<double> sums(virials.size());
  MPI_Reduce(virials.data(), sums.data(), 9 * models, MPI_DOUBLE, MPI_SUM, 0, world);
  if (comm->me != 0) return {0, 0, 0};
  std::vector<const double*> rows;
  for (int m = 0; m < models; ++m) rows.push_back(&sums[9 * m]);
  double e[9];
  dponnx_virial_deviation(rows.data(), models, atom->natoms, -1, e);
  double squares = 0;
  for (int k = 0; k < 9; ++k) {
    double mean = 0;
    for (const double* row : rows) mean += row[k] / (static_cast<double>(atom->natoms) * models);
    // Relative to the component itself, as in DeePMD-kit's pair style.
    if (level >= 0) e[k] /= std::abs(mean) + level;
    squares += e[k] * e[k];
  }
  return {*std::max_element(e, e + 9), *std::min_element(e, e + 9), std::sqrt(squares / 9)};
}

ModelDevi::Spread ModelDevi::force_spread(const std::vector<double>& deviation) const {
  double high = 0, low = std::numeric_limits<double>::max(), sum = 0;
  for (const double e : deviation) {
    high = std::max(high, e);
    low = std::min(low, e);
    sum += e;
  }
  Spread all{0, 0, 0};
  MPI_Reduce(&high, &all.max, 1, MPI_DOUBLE, MPI_MAX, 0, world);
  MPI_Reduce(&low, &all.min, 1, MPI_DOUBLE, MPI_MIN, 0, world);
  MPI_Reduce(&sum, &all.avg, 1, MPI_DOUBLE, MPI_SUM, 0, world);
  all.avg /= static_cast<double>(atom->natoms);
  return all;
}

/// The atoms' deviations on rank 0, by rising ID.
std::vector<double> ModelDevi::gather(const std::vector<double>& deviation) const {
  const int mine = atom->nlocal, ranks = comm->nprocs;
  std::vector<int> counts(ranks), starts(ranks);
  MPI_Gather(&mine, 1, MPI_INT, counts.data(), 1, MPI_INT, 0, world);
  for (int r = 1; r < ranks; ++r) starts[r] = starts[r - 1] + counts[r - 1];
  const size_t total = starts.back() + counts.back();
  std::vector<double> values(total);
  std::vector<LAMMPS_NS::tagint> ids(total);
  MPI_Gatherv(deviation.data(), mine, MPI_DOUBLE, values.data(), counts.data(), starts.data(),
              MPI_DOUBLE, 0, world);
  MPI_Gatherv(atom->tag, mine, MPI_LMP_TAGINT, ids.data(), counts.data(), starts.data(),
              MPI_LMP_TAGINT, 0, world);
  std::vector<size_t> order(total);
  for (size_t k = 0; k < total; ++k) order[k] = k;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ids[a] < ids[b]; });
  std::vector<double> sorted;
  for (const size_t k : order) sorted.push_back(values[k]);
  return sorted;
}

}  // namespace dponnx_lammps

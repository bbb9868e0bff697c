// SPDX-License-Identifier: LGPL-3.0-or-later
#include "pair_dponnx.h"

#include <cstring>
#include <stdexcept>

#include "atom.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neighbor.h"
#include "restart.h"
#include "update.h"

using namespace LAMMPS_NS;
namespace ours = dponnx_lammps;

namespace {

const char kCite[] =
    "pair style dponnx: doi:10.1063/5.0155600, doi:10.1021/acs.jctc.2c00102\n\n"
    "@Article{Zeng2023,\n"
    " author = {J. Zeng and D. Zhang and D. Lu and P. Mo and Z. Li and others},\n"
    " title = {{DeePMD-kit v2}: A software package for deep potential models},\n"
    " journal = {J. Chem. Phys.},\n year = 2023,\n volume = 159,\n pages = {054801}\n}\n\n"
    "@Article{Lu2022,\n"
    " author = {D. Lu and W. Jiang and Y. Chen and L. Zhang and W. Jia and H. Wang and M. Chen},\n"
    " title = {{DP Compress}: A model compression scheme for generating efficient deep potential "
    "models},\n"
    " journal = {J. Chem. Theory Comput.},\n year = 2022,\n volume = 18,\n pages = {5559}\n}\n\n";

/// The boundary: what every rank raised alike becomes LAMMPS's error.
template <class Work>
void guarded(Error* error, Work&& work) {
  try {
    work();
  } catch (const std::runtime_error& problem) {
    error->all(FLERR, std::string("Pair style dponnx: ") + problem.what());
  }
}

}  // namespace

PairDponnx::PairDponnx(LAMMPS* lmp) : Pair(lmp), state_(lmp) {
  if (lmp->citeme) lmp->citeme->add(kCite);
  single_enable = 0;
  restartinfo = 1;
  one_coeff = 1;
  manybody_flag = 1;
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
}

PairDponnx::~PairDponnx() {
  if (!allocated) return;
  memory->destroy(setflag);
  memory->destroy(cutsq);
  memory->destroy(scale_);
}

void PairDponnx::settings(int narg, char** arg) {
  guarded(error, [&] {
    take(std::vector<std::string>(arg, arg + narg));
    open();
  });
}

void PairDponnx::take(const std::vector<std::string>& arguments) {
  settings_ = ours::parse(arguments);
  models_.reset();
  deviation_.reset();
  comm_reverse = settings_.models.size() > 1 ? 3 * static_cast<int>(settings_.models.size()) : 0;
}

void PairDponnx::open() {
  models_ = std::make_unique<ours::Models>(settings_, world);
  parameters_ = std::make_unique<ours::Parameters>(lmp, settings_, models_->info());
  const bool several = models_->count() > 1 && settings_.out_freq > 0;
  if (several) deviation_ = std::make_unique<ours::ModelDevi>(lmp, settings_, restarted_);
  seen_.assign(models_->count(), -1);
  overflows_.assign(models_->count(), "");
  predictions_.assign(models_->count(), {});
  if (comm->me != 0) return;
  std::string text = models_->banner();
  if (several)
    text += "  model deviation every " + std::to_string(settings_.out_freq) + " steps in " +
            settings_.out_file + "\n";
  utils::logmesg(lmp, text);
}

void PairDponnx::coeff(int narg, char** arg) {
  if (narg < 2 || std::strcmp(arg[0], "*") || std::strcmp(arg[1], "*"))
    error->all(FLERR, "Pair style dponnx: expected pair_coeff * * [names of the model's types]");
  names_.assign(arg + 2, arg + narg);
  guarded(error, [&] {
    if (!models_) open();
    types_ = models_->match(names_, atom->ntypes);
  });
  set_types();
  if (comm->me != 0) return;
  std::string text = "  atom types:";
  for (int t = 1; t <= atom->ntypes; ++t)
    text += " " + std::to_string(t) + " " + models_->name(types_[t]);
  utils::logmesg(lmp, text + "\n");
}

void PairDponnx::set_types() {
  const int n = atom->ntypes;
  if (!allocated) {
    allocated = 1;
    memory->create(setflag, n + 1, n + 1, "pair:setflag");
    memory->create(cutsq, n + 1, n + 1, "pair:cutsq");
    memory->create(scale_, n + 1, n + 1, "pair:scale");
  }
  // Within hybrid styles, pairs with a type that is NULL here are left to others; alone, they
  // have no interaction.
  const bool alone = force->pair == this;
  const auto ours_is = [&](int t) { return alone || names_.empty() || names_[t - 1] != "NULL"; };
  for (int i = 0; i <= n; ++i)
    for (int j = 0; j <= n; ++j) {
      setflag[i][j] = i && j >= i && ours_is(i) && ours_is(j);
      scale_[i][j] = 1;
    }
}

void PairDponnx::init_style() {
  if (std::strcmp(update->unit_style, "lj") == 0)
    error->all(
        FLERR,
        "Pair style dponnx: units are lj; the models are in eV and angstrom. Use units metal, "
        "real or any other but lj");
  if (!force->newton_pair)
    error->all(FLERR,
               "Pair style dponnx: newton pair is off; forces on ghosts would be lost. Use newton "
               "on");
  guarded(error, [&] {
    if (!models_) open();
    types_ = models_->match(names_, atom->ntypes);
    parameters_->init();
    if (deviation_) deviation_->init();
  });
  units_ = ours::units_of(lmp);
  cutoff_ = models_->rcut() * units_.distance;
  if (comm->me == 0 && hides_neighbors())
    error->warning(FLERR,
                   "Pair style dponnx: special_bonds hides bonded neighbours from the model, which "
                   "was trained on all of them: special_bonds lj/coul 1 1 1");
  neighbor->add_request(this, NeighConst::REQ_FULL);
}

/// Neighbours whose weights are 0 are not in the list.
bool PairDponnx::hides_neighbors() const {
  bool hidden = false;
  for (int k = 1; k < 4; ++k)
    hidden = hidden || (force->special_lj[k] == 0 && force->special_coul[k] == 0);
  return atom->molecular && hidden;
}

double PairDponnx::init_one(int i, int j) {
  scale_[j][i] = scale_[i][j];
  return cutoff_;
}

void PairDponnx::setup() {
  if (comm->get_comm_cutoff() < cutoff_)
    error->all(FLERR, "Pair style dponnx: ghost atoms reach " +
                          std::to_string(comm->get_comm_cutoff()) + "; the models' cutoff is " +
                          std::to_string(cutoff_) + ". Use a larger comm_modify cutoff");
}

void* PairDponnx::extract(const char* name, int& dim) {
  if (std::strcmp(name, "cutoff") == 0) {
    dim = 0;
    return &cutoff_;
  }
  if (std::strcmp(name, "scale") == 0) {
    dim = 2;
    return scale_;
  }
  return nullptr;
}

void PairDponnx::write_restart(FILE* file) {
  write_restart_settings(file);
  ours::write_texts(file, names_);
}

void PairDponnx::write_restart_settings(FILE* file) {
  ours::write_texts(file, settings_.arguments);
}

void PairDponnx::read_restart(FILE* file) {
  read_restart_settings(file);
  guarded(error, [&] { names_ = ours::read_texts(file, world); });
  set_types();
}

// Models are opened when a run starts: until then another pair_style may name others.
void PairDponnx::read_restart_settings(FILE* file) {
  restarted_ = true;
  guarded(error, [&] { take(ours::read_texts(file, world)); });
}

double PairDponnx::memory_usage() {
  double bytes = Pair::memory_usage() + state_.memory_usage();
  for (const Prediction& p : predictions_)
    bytes +=
        sizeof(double) * (p.force.capacity() + p.atom_energy.capacity() + p.atom_virial.capacity());
  return bytes;
}

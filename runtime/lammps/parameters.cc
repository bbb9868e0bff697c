// SPDX-License-Identifier: LGPL-3.0-or-later
#include "parameters.h"

#include <algorithm>
#include <stdexcept>

#include "compute.h"
#include "modify.h"

namespace dponnx_lammps {
namespace {

/// Are the parameters a model takes given, and as many? from: a compute gives them.
void check(const std::string& key, int expected, size_t given, bool from) {
  if (expected == 0 && !from && given == 0) return;
  const std::string takes = "the model takes " + std::to_string(expected) + " values";
  if (expected == 0) throw std::runtime_error(key + " is given; " + takes + ": leave it out");
  if (!from && given == 0)
    throw std::runtime_error(takes + " of " + key + "; add '" + key + " X ...' or '" + key +
                             "_from_compute ID' to pair_style");
  if (!from && given != static_cast<size_t>(expected))
    throw std::runtime_error(key + " has " + std::to_string(given) + " values; " + takes);
}

}  // namespace

Parameters::Parameters(LAMMPS_NS::LAMMPS* lmp, const Settings& settings, const dponnx_info& info)
    : Pointers(lmp),
      settings_(settings),
      dim_fparam_(info.dim_fparam),
      dim_aparam_(info.dim_aparam),
      fparam_(settings.fparam) {
  check("fparam", dim_fparam_, settings.fparam.size(), !settings.fparam_compute.empty());
  check("aparam", dim_aparam_, settings.aparam.size(), !settings.aparam_compute.empty());
}

void Parameters::init() {
  const auto find = [&](const std::string& key, const std::string& id) {
    LAMMPS_NS::Compute* compute = modify->get_compute_by_id(id);
    if (!compute)
      throw std::runtime_error(key + ": there is no compute '" + id +
                               "'; define it before the run");
    return compute;
  };
  const auto wrong = [](const std::string& key, const std::string& id, const std::string& what) {
    throw std::runtime_error(key + ": compute '" + id + "' gives no " + what);
  };
  if (const std::string& id = settings_.fparam_compute; !id.empty()) {
    frame_ = find("fparam_from_compute", id);
    if (dim_fparam_ == 1 && !frame_->scalar_flag) wrong("fparam_from_compute", id, "scalar");
    if (dim_fparam_ > 1 && (!frame_->vector_flag || frame_->size_vector < dim_fparam_))
      wrong("fparam_from_compute", id, "vector of " + std::to_string(dim_fparam_) + " values");
  }
  if (const std::string& id = settings_.aparam_compute; !id.empty()) {
    atomic_ = find("aparam_from_compute", id);
    const int columns = atomic_->size_peratom_cols;
    if (!atomic_->peratom_flag || (dim_aparam_ == 1 ? columns != 0 : columns < dim_aparam_))
      wrong("aparam_from_compute", id,
            dim_aparam_ == 1 ? "value of each atom"
                             : std::to_string(dim_aparam_) + " values of each atom");
  }
}

void Parameters::update(int nlocal) {
  if (dim_fparam_) update_frame();
  if (dim_aparam_) update_atomic(nlocal);
}

void Parameters::fill(dponnx_system& system) const {
  system.fparam = dim_fparam_ ? fparam_.data() : nullptr;
  system.aparam = dim_aparam_ ? aparam_.data() : nullptr;
}

void Parameters::update_frame() {
  if (!frame_) return;
  // Computed anew: within a step of a minimizer, coordinates change.
  if (dim_fparam_ == 1) {
    fparam_.assign(1, frame_->compute_scalar());
  } else {
    frame_->compute_vector();
    fparam_.assign(frame_->vector, frame_->vector + dim_fparam_);
  }
}

void Parameters::update_atomic(int nlocal) {
  if (atomic_) atomic_->compute_peratom();
  aparam_.resize(static_cast<size_t>(std::max(nlocal, 1)) * dim_aparam_);
  for (int i = 0; i < nlocal; ++i)
    for (int k = 0; k < dim_aparam_; ++k) {
      double& value = aparam_[static_cast<size_t>(i) * dim_aparam_ + k];
      if (!atomic_)
        value = settings_.aparam[k];
      else
        value = dim_aparam_ == 1 ? atomic_->vector_atom[i] : atomic_->array_atom[i][k];
    }
}

}  // namespace dponnx_lammps

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "models.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace dponnx_lammps {
namespace {

/// Raises on every rank what the lowest rank with a problem says; "" is none.
void raise_together(const std::string& problem, MPI_Comm world) {
  int rank, size, first;
  MPI_Comm_rank(world, &rank);
  MPI_Comm_size(world, &size);
  const int mine = problem.empty() ? size : rank;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == size) return;
  int length = static_cast<int>(problem.size());
  MPI_Bcast(&length, 1, MPI_INT, first, world);
  std::string text = problem;
  text.resize(length);
  MPI_Bcast(&text[0], length, MPI_CHAR, first, world);
  throw std::runtime_error(text);
}

std::string name_of(const dponnx_info& info, int type) {
  if (type < 0) return "NULL";
  const std::string name = info.names[type];
  return name.empty() ? std::to_string(type) : name;
}

std::string names_of(const dponnx_info& info) {
  std::string text;
  for (int t = 0; t < info.ntypes; ++t) text += (t ? " " : "") + name_of(info, t);
  return text;
}

/// A rank's GPU, counted from 0, and how many ranks of its node take the same.
struct Turn {
  int device, sharing;
};

/// The ranks of a node take its GPUs in turn. Collective.
Turn take_turn(int gpus, MPI_Comm world) {
  MPI_Comm node;
  int rank, size;
  MPI_Comm_split_type(world, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  MPI_Comm_rank(node, &rank);
  MPI_Comm_size(node, &size);
  MPI_Comm_free(&node);
  const int device = rank % gpus;
  return {device, (size - device + gpus - 1) / gpus};
}

}  // namespace

Models::Models(const Settings& settings, MPI_Comm world) : settings_(settings) {
  std::string problem;
  dponnx_options options{};
  options.threads = settings.threads;
  if (settings.gpus > 0) {
    const Turn turn = take_turn(settings.gpus, world);
    options.cuda_device = 1 + turn.device;
    options.cuda_share = turn.sharing * static_cast<int>(settings.models.size());
  }
  try {
    open(options);
    agree();
  } catch (const std::exception& error) {
    problem = error.what();
  }
  raise_together(problem, world);
}

void Models::open(const dponnx_options& options) {
  for (const std::string& path : settings_.models) {
    dponnx_model* model = nullptr;
    if (dponnx_open(path.c_str(), &options, &model)) throw std::runtime_error(dponnx_last_error());
    models_.emplace_back(model);
  }
}

void Models::agree() const {
  const auto expect = [&](int m, const std::string& what, auto found, auto expected) {
    if (found == expected) return;
    std::ostringstream text;
    text << settings_.models[m] << ": " << what << " is " << found << "; expected " << expected
         << ", as in " << settings_.models[0];
    throw std::runtime_error(text.str());
  };
  for (int m = 0; m < count(); ++m) {
    if (std::string(info(m).model_type) != "ener")
      throw std::runtime_error(settings_.models[m] + ": is a model of " + info(m).model_type +
                               "; expected a potential (ener)");
    expect(m, "its type map", names_of(info(m)), names_of(info(0)));
    expect(m, "its number of frame parameters", info(m).dim_fparam, info(0).dim_fparam);
    expect(m, "its number of atomic parameters", info(m).dim_aparam, info(0).dim_aparam);
  }
}

double Models::rcut() const {
  double rcut = 0;
  for (int m = 0; m < count(); ++m) rcut = std::max(rcut, info(m).rcut);
  return rcut;
}

std::string Models::types() const { return names_of(info()); }

std::string Models::name(int type) const { return name_of(info(), type); }

std::string Models::banner() const {
  std::ostringstream text;
  text << "pair style dponnx " << dponnx_version() << ": ";
  if (settings_.gpus) {
    text << settings_.gpus << (settings_.gpus == 1 ? " GPU" : " GPUs") << " a node, ";
  } else {
    text << "CPU, ";
  }
  text << settings_.threads << (settings_.threads == 1 ? " thread" : " threads") << " a rank\n";
  for (int m = 0; m < count(); ++m)
    text << "  " << (m ? "compared with" : "model") << " " << settings_.models[m] << ": types "
         << names_of(info(m)) << ", cutoff " << info(m).rcut << " angstrom, " << info(m).precision
         << (info(m).compressed ? ", compressed\n" : ", not compressed\n");
  return text.str();
}

std::vector<int> Models::match(const std::vector<std::string>& names, int ntypes) const {
  const std::string& model = settings_.models[0];
  std::vector<int> result(1 + ntypes, -1);
  if (names.empty()) {
    if (ntypes > info().ntypes)
      throw std::runtime_error("the system has " + std::to_string(ntypes) + " atom types; " +
                               model + " has " + std::to_string(info().ntypes) + " (" + types() +
                               "). Name the model's type of each, or NULL: pair_coeff * * ...");
    for (int t = 1; t <= ntypes; ++t) result[t] = t - 1;
    return result;
  }
  if (static_cast<int>(names.size()) != ntypes)
    throw std::runtime_error("pair_coeff names " + std::to_string(names.size()) +
                             " types; expected one for each of the system's " +
                             std::to_string(ntypes) + " atom types, or none");
  for (int t = 1; t <= ntypes; ++t) {
    const std::string& name = names[t - 1];
    if (name == "NULL") continue;
    for (int k = 0; k < info().ntypes; ++k)
      if (name == info().names[k]) result[t] = k;
    if (result[t] < 0)
      throw std::runtime_error("pair_coeff: '" + name + "' is not a type of " + model +
                               "; expected one of " + types() + ", or NULL");
  }
  if (*std::max_element(result.begin(), result.end()) < 0)
    throw std::runtime_error("pair_coeff: every type is NULL; expected one of " + types());
  return result;
}

}  // namespace dponnx_lammps

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "run_ports.h"

namespace dponnx {

namespace {

template <class T>
Ort::Value tensor(const Ort::MemoryInfo& memory, const T* data, const std::vector<int64_t>& shape) {
  static T none{};  // ONNX Runtime takes no null, even for empty tensors
  size_t count = 1;
  for (int64_t n : shape) count *= static_cast<size_t>(n);
  return Ort::Value::CreateTensor<T>(memory, const_cast<T*>(data ? data : &none), count,
                                     shape.data(), shape.size());
}

}  // namespace

std::vector<Feed> feeds_of(const Session& session, const BlockInputs& in) {
  static const auto host = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  const About& about = session.about();
  const Ort::MemoryInfo& here = session.memory();
  const int64_t fparam = about.dim_fparam, aparam = about.dim_aparam;
  std::vector<Feed> feeds;
  const auto feed = [&](const char* name, Ort::Value value) {
    if (session.has_input(name)) feeds.push_back({name, std::move(value)});
  };
  feed("coord", tensor(here, in.coord, {in.nall, 3}));
  feed("atype", tensor(here, in.atype, {in.nall}));
  feed("natoms", tensor(host, in.natoms, {2 + about.ntypes}));
  feed("nlist", tensor(here, in.nlist, {in.nloc, in.nnei}));
  if (fparam) feed("fparam", tensor(here, in.fparam, {fparam}));
  if (aparam) feed("aparam", tensor(here, in.aparam, {in.nloc, aparam}));
  feed("evaluation", tensor(host, in.evaluation, {1}));
  feed("want_atom_virial", tensor(host, in.atom_virial, {1}));
  return feeds;
}

Wanted::Wanted(const dponnx_result& result, const Session& session) {
  const auto want = [&](bool wanted, const std::string& name) {
    if (wanted) names.push_back(name);
    return wanted ? static_cast<int>(names.size()) - 1 : -1;
  };
  const std::string quantity = session.about().quantity();
  energy = want(result.energy, quantity);
  force = want(result.force, "force");
  virial = want(result.virial, "virial");
  atom_energy = want(result.atom_energy, "atom_" + quantity);
  atom_virial = want(result.atom_virial, "atom_virial");
  const bool checked = !names.empty() && session.has_output("table_overflow");
  tables = want(checked, "table_overflow");
  sel = want(checked, "sel_overflow");
}

}  // namespace dponnx

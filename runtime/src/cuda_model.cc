// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_model.h"

#include <algorithm>

#include "block.h"

namespace dponnx {

namespace {

constexpr double kShare = 0.6;  // of the memory that is free

int64_t block_size(const dponnx_options& options, const CudaDevice& device, int64_t bytes) {
  if (options.block > 0) return options.block;
  const double budget = options.memory_mb > 0 ? options.memory_mb * 1048576.0
                                              : kShare * double(device.free_memory()) /
                                                    std::max(1, options.cuda_share);
  // ONNX Runtime counts the elements of a tensor in int32; bytes are of all tensors of an atom.
  const double most = 4.0 * INT32_MAX / double(bytes);
  return std::max<int64_t>(1, static_cast<int64_t>(std::min(budget / double(bytes), most)));
}

}  // namespace

CudaModel::CudaModel(Session& session, const dponnx_options& options)
    : session_(session),
      device_(*session.cuda()),
      block_size_(block_size(options, device_, session.about().memory_per_atom())),
      components_(session.about().components),
      builder_(device_, session.about()),
      lists_(device_, session.about(), builder_, block_size_),
      listing_(device_, session.about().rcut),
      coord_(device_),
      fparam_(device_),
      aparam_(device_),
      results_(device_),
      rows_(device_),
      block_coord_(device_),
      block_aparam_(device_),
      row_aparam_(device_),
      pinned_in_(device_, true),
      pinned_out_(device_, true) {}

/// Numbers in all results of that kind together.
int64_t CudaModel::length(const dponnx_result& like, int64_t natoms, int64_t nrows) const {
  int64_t all = 0;
  for (const auto& [where, n] : result_parts(natoms, nrows)) {
    if (like.*where) all += components_ * n;
  }
  return all;
}

/// Room for the same results in memory of the device, one behind the other.
dponnx_result CudaModel::room(const dponnx_result& like, int64_t natoms, int64_t nrows,
                              CudaArray<double>& memory) const {
  double* next = memory.room(length(like, natoms, nrows));
  dponnx_result result{};
  for (const auto& [where, n] : result_parts(natoms, nrows)) {
    if (!(like.*where)) continue;
    result.*where = next;
    next += components_ * n;
  }
  return result;
}

void CudaModel::clear(const dponnx_result& result, int64_t natoms, int64_t nrows) const {
  for (const auto& [where, n] : result_parts(natoms, nrows)) {
    if (double* to = result.*where) device_.clear(to, components_ * n * sizeof(double));
  }
}

void CudaModel::compute(const dponnx_system& system, const dponnx_result& result,
                        int64_t evaluation, OverflowSum& watch) {
  device_.use();
  const int64_t nall = system.natoms + system.nghost;
  const int64_t ncoord = 3 * nall, naparam = system.natoms * session_.about().dim_aparam;
  double* pinned = pinned_in_.room(ncoord + naparam);
  std::copy_n(system.coord, ncoord, pinned);
  if (naparam) std::copy_n(system.aparam, naparam, pinned + ncoord);
  dponnx_system_cuda here{};
  here.natoms = system.natoms, here.nghost = system.nghost;
  here.coord = coord_.set(pinned, ncoord);
  here.host_type = system.type;
  here.box = system.box, here.along = system.along;
  here.fparam = system.fparam;
  here.aparam = aparam_.set(pinned + ncoord, naparam);
  here.host_nlist = system.nlist;
  const dponnx_result found = room(result, system.natoms, nall, results_);
  compute_here(here, found, evaluation, watch);

  const int64_t n = length(result, system.natoms, nall);
  const double* from = pinned_out_.room(n);
  device_.copy(pinned_out_.data(), results_.data(), n * sizeof(double));
  device_.wait();
  for (const auto& [where, count] : result_parts(system.natoms, nall)) {
    double* to = result.*where;
    if (!to) continue;
    std::copy_n(from, components_ * count, to);
    from += components_ * count;
  }
}

void CudaModel::compute(const dponnx_system_cuda& system, const dponnx_result& result, void* stream,
                        int64_t evaluation, OverflowSum& watch) {
  device_.use();
  device_.check_report();  // of earlier calls that did not wait
  device_.must(device_.functions().order(stream, device_.stream()));
  const bool waits = (!system.nlist && !system.host_nlist) || lists_.changed(system);
  compute_here(system, result, evaluation, watch);
  device_.must(device_.functions().order(device_.stream(), stream));
  if (waits) device_.wait();
}

void CudaModel::compute_here(const dponnx_system_cuda& system, const dponnx_result& result,
                             int64_t evaluation, OverflowSum& watch) {
  const int64_t nall = system.natoms + system.nghost;
  clear(result, system.natoms, nall);
  if (const int32_t dim = session_.about().dim_fparam) fparam_.set(system.fparam, dim);
  const Run run{system.coord, system.aparam, result, nall, evaluation, watch};
  if (!system.nlist && !system.host_nlist) {
    compute_boxed(system, result, run);
    return;
  }
  if (lists_.changed(system)) lists_.take(system);
  for (const CudaBlock& block : lists_.blocks()) evaluate(block, run);
}

void CudaModel::compute_boxed(const dponnx_system_cuda& system, const dponnx_result& result,
                              Run run) {
  const int32_t* types = lists_.types_of(system);
  listing_.update(system, types);
  const CudaRows rows = listing_.rows();
  const int64_t n = listing_.natoms();
  run.coord = listing_.coord();
  run.nrows = rows.n;
  run.to = room(result, n, rows.n, rows_);
  run.to.energy = result.energy, run.to.virial = result.virial;  // these have no rows
  clear(run.to, n, rows.n);
  if (const int32_t dim = session_.about().dim_aparam) {
    device_.must(device_.functions().gather(system.aparam, listing_.owner(), n, dim,
                                            row_aparam_.room(n * dim), device_.stream()));
    run.aparam = row_aparam_.data();
  }
  dponnx_nlist order{};
  order.inum = static_cast<int32_t>(n);
  order.ilist = listing_.order().data();
  dponnx_system local{};
  local.natoms = n, local.type = rows.host_type, local.nlist = &order;
  for (const auto& atoms : cut(local, block_size_)) {
    evaluate(builder_.build(listing_.neighbors(atoms), rows, atoms), run);
  }
  for (int64_t c = 0; c < components_; ++c) {
    if (result.force) {
      listing_.fold(run.to.force + c * 3 * rows.n, 3, result.force + c * 3 * system.natoms);
    }
    if (result.atom_virial) {
      listing_.fold(run.to.atom_virial + c * 9 * rows.n, 9,
                    result.atom_virial + c * 9 * system.natoms);
    }
  }
  if (result.atom_energy) {
    device_.must(device_.functions().scatter(run.to.atom_energy, listing_.owner(), n,
                                             static_cast<int32_t>(components_), result.atom_energy,
                                             device_.stream()));
  }
}

void CudaModel::evaluate(const CudaBlock& block, const Run& run) {
  const Wanted wanted(run.to, session_);
  if (wanted.names.empty()) return;
  const CudaFunctions& f = device_.functions();
  void* stream = device_.stream();
  const int64_t nall = block.nall(), nloc = block.nloc(), k = components_;
  const int32_t *rows = block.rows.data(), dim = session_.about().dim_aparam;
  const bool atom_virial = wanted.atom_virial >= 0;
  device_.must(f.gather(run.coord, rows, nall, 3, block_coord_.room(3 * nall), stream));
  if (dim) {
    device_.must(f.gather(run.aparam, rows, nloc, dim, block_aparam_.room(nloc * dim), stream));
  }
  const BlockInputs inputs{nloc,
                           nall,
                           block.nnei,
                           block_coord_.data(),
                           fparam_.data(),
                           block_aparam_.data(),
                           block.atype.data(),
                           block.nlist.data(),
                           block.natoms.data(),
                           &run.evaluation,
                           &atom_virial};
  static const auto host = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  Ort::IoBinding binding = session_.binding();
  for (const Feed& feed : feeds_of(session_, inputs)) binding.BindInput(feed.name, feed.value);
  for (size_t at = 0; at < wanted.names.size(); ++at) {
    binding.BindOutput(wanted.names[at].c_str(),
                       wanted.host(static_cast<int>(at)) ? host : session_.memory());
  }
  session_.run(binding, wanted.tables >= 0);
  const std::vector<Ort::Value> out = binding.GetOutputValues();
  const auto add = [&](int at, double* to, int64_t n) {
    if (at >= 0) device_.must(f.add(out[at].GetTensorData<double>(), n, to, stream));
  };
  // out[at], [k, nall, columns], to rows of [k, nrows, columns].
  const auto scatter = [&](int at, double* to, int32_t columns) {
    for (int64_t c = 0; at >= 0 && c < k; ++c) {
      device_.must(f.scatter(out[at].GetTensorData<double>() + c * nall * columns, rows, nall,
                             columns, to + c * run.nrows * columns, stream));
    }
  };
  add(wanted.energy, run.to.energy, k);
  add(wanted.virial, run.to.virial, 9 * k);
  scatter(wanted.force, run.to.force, 3);
  scatter(wanted.atom_virial, run.to.atom_virial, 9);
  if (wanted.atom_energy >= 0) {
    device_.must(f.scatter(out[wanted.atom_energy].GetTensorData<double>(), block.chosen.data(),
                           block.nchosen, static_cast<int32_t>(k), run.to.atom_energy, stream));
  }
  if (wanted.tables >= 0) {
    const auto shape = out[wanted.sel].GetTensorTypeAndShapeInfo().GetShape();
    run.watch.add(out[wanted.tables].GetTensorData<int64_t>(),
                  static_cast<int64_t>(session_.about().table_lines.size()),
                  out[wanted.sel].GetTensorData<int64_t>(), shape[0], shape[1]);
  }
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "model.h"

#include <algorithm>
#include <cmath>

#include "error.h"

namespace dponnx {

namespace {

constexpr int64_t kMegabyte = 1 << 20;
// More atoms at once gain nothing on a CPU: their data leave its caches.
constexpr int64_t kLargestBlock = 1024;

int64_t block_size(const dponnx_options& options, int64_t bytes_per_atom) {
  if (options.block > 0) return options.block;
  const int64_t budget = (options.memory_mb > 0 ? options.memory_mb : 256) * kMegabyte;
  const int64_t fits = budget / bytes_per_atom;
  return std::clamp<int64_t>(fits, 1, kLargestBlock);
}

}  // namespace

Model::Model(const Source& source, const dponnx_options& options, const std::string& note)
    : session_(source, options),
      options_(options),
      note_(note),
      block_size_(block_size(options, about().memory_per_atom())),
      kept_(about().rcut, options.threads, about().ntypes, block_size_) {
  options_.ort_library = nullptr;  // the caller's memory
  for (const std::string& name : about().type_names) names_.push_back(name.c_str());
  info_.model_type = about().model_type.c_str();
  info_.precision = about().precision.c_str();
  info_.rcut = about().rcut;
  info_.ntypes = about().ntypes;
  info_.components = about().components;
  info_.dim_fparam = about().dim_fparam;
  info_.dim_aparam = about().dim_aparam;
  info_.has_force = about().has_force();
  info_.compressed = about().compressed;
  info_.ntables =
      session_.has_output("table_overflow") ? static_cast<int32_t>(about().table_lines.size()) : 0;
  info_.names = names_.data();
  info_.sel = about().sel.data();
  if (const CudaDevice* cuda = session_.cuda()) {
    on_cuda_ = std::make_unique<CudaModel>(session_, options);
    device_ = "cuda:" + std::to_string(cuda->number());
  } else {
    device_ = "cpu";
  }
  info_.device = device_.c_str();
  info_.device_note = note_.c_str();
}

template <class System>
void Model::check_sizes(const System& system, bool listed, const dponnx_result& result) const {
  const int64_t nall = system.natoms + system.nghost;
  if (std::min(system.natoms, system.nghost) < 0 || nall > INT32_MAX / 3) {
    fail(Code::invalid_argument, "natoms = ", system.natoms, ", nghost = ", system.nghost,
         "; expected 0 or more, and at most ", INT32_MAX / 3, " together");
  }
  if (nall && !system.coord) {
    fail(Code::invalid_argument, "coord or type is null; expected arrays of ", nall, " atoms");
  }
  if (system.nghost && !listed) {
    fail(Code::invalid_argument, "nghost = ", system.nghost, ", but nlist is null");
  }
  if (about().dim_fparam && !system.fparam) {
    fail(Code::invalid_argument, "fparam is missing; this model expects ", about().dim_fparam,
         " numbers");
  }
  if (about().dim_aparam && system.natoms && !system.aparam) {
    fail(Code::invalid_argument, "aparam is missing; this model expects ", about().dim_aparam,
         " numbers an atom");
  }
  if (!about().has_force() && (result.force || result.virial || result.atom_virial)) {
    fail(Code::invalid_argument, about().name, ": a model of type ", about().model_type,
         " has no forces and no virial");
  }
}

void Model::check(const dponnx_system& system, const dponnx_result& result) const {
  check_sizes(system, system.nlist, result);
  const int64_t nall = system.natoms + system.nghost;
  if (nall && !system.type) {
    fail(Code::invalid_argument, "coord or type is null; expected arrays of ", nall, " atoms");
  }
  for (int64_t i = 0; i < nall; ++i) {
    const double* x = system.coord + 3 * i;
    if (system.type[i] >= about().ntypes) {
      fail(Code::invalid_argument, "atom ", i, " has type ", system.type[i],
           "; the model knows 0 to ", about().ntypes - 1, " (negative: virtual atom)");
    }
    if (!std::isfinite(x[0] + x[1] + x[2])) {
      fail(Code::invalid_argument, "coordinate of atom ", i, " is [", x[0], ", ", x[1], ", ", x[2],
           "]; expected numbers");
    }
  }
}

void Model::check(const dponnx_system_cuda& system, const dponnx_result& result) const {
  if (!on_cuda_) {
    fail(Code::invalid_argument, about().name, " runs on the CPU; expected a model opened with ",
         "dponnx_options.cuda_device for arrays on the device");
  }
  if (system.nlist && system.host_nlist) {
    fail(Code::invalid_argument, "nlist and host_nlist are both given; expected one of them");
  }
  check_sizes(system, system.nlist || system.host_nlist, result);
  if (system.natoms + system.nghost && !system.type == !system.host_type) {
    fail(Code::invalid_argument, "type and host_type are ",
         system.type ? "both given" : "both null", "; expected one of them");
  }
}

void Model::compute(const dponnx_system_cuda& system, const dponnx_result& result, void* stream) {
  const std::lock_guard<std::mutex> guard(lock_);
  check(system, result);
  overflow_.begin();
  on_cuda_->compute(system, result, stream, evaluation_, overflow_);
  ++evaluation_;
}

void Model::compute(const dponnx_system& system, const dponnx_result& result) {
  const std::lock_guard<std::mutex> guard(lock_);
  check(system, result);
  if (on_cuda_) {
    overflow_.begin();
    on_cuda_->compute(system, result, evaluation_, overflow_);
    ++evaluation_;
    return;
  }
  const int64_t nall = system.natoms + system.nghost, k = about().components;
  for (const auto& [where, n] : result_parts(system.natoms, nall)) {
    if (double* to = result.*where) std::fill_n(to, k * n, 0.0);
  }
  if (!system.nlist) {
    kept_.update(system);
    const Listing& listing = kept_.listing();
    evaluate(listing.system(), kept_.blocks(), &listing.owner(), result, nall);
    kept_.rest();
    return;
  }
  const bool same =
      system.nlist->ago > 0 && listed_natoms_ == system.natoms && listed_nall_ == nall;
  if (!same) {
    blocks_.clear();
    listed_natoms_ = -1;
    blocks_ = split(system, about().ntypes, block_size_);
    listed_natoms_ = system.natoms;
    listed_nall_ = nall;
  }
  evaluate(system, blocks_, nullptr, result, nall);
}

void Model::evaluate(const dponnx_system& system, const std::vector<Block>& blocks,
                     const std::vector<int32_t>* owner, const dponnx_result& result,
                     int64_t n_out) {
  const Wanted wanted(result, session_);
  if (wanted.names.empty()) return;
  const int64_t k = about().components;
  const std::vector<bool> chosen = about().chosen_types();

  overflow_.begin();
  for (const Block& block : blocks) {
    const std::vector<Ort::Value> out = run(system, block, owner, wanted);
    const auto row = [&](int64_t i) { return owner ? (*owner)[block.rows[i]] : block.rows[i]; };
    // Adds out[at], [k, rows, columns], to rows of the result, [k, n_out, columns].
    const auto scatter = [&](int at, double* to, int64_t columns) {
      if (at < 0) return;
      const double* from = out[at].GetTensorData<double>();
      for (int64_t c = 0; c < k; ++c) {
        for (int64_t i = 0; i < block.nall(); ++i) {
          double* place = to + (c * n_out + row(i)) * columns;
          for (int64_t m = 0; m < columns; ++m) place[m] += *from++;
        }
      }
    };
    const auto add = [&](int at, double* to, int64_t n) {
      if (at < 0) return;
      const double* from = out[at].GetTensorData<double>();
      for (int64_t m = 0; m < n; ++m) to[m] += from[m];
    };
    add(wanted.energy, result.energy, k);
    add(wanted.virial, result.virial, 9 * k);
    scatter(wanted.force, result.force, 3);
    scatter(wanted.atom_virial, result.atom_virial, 9);
    if (wanted.atom_energy >= 0) {
      const double* from = out[wanted.atom_energy].GetTensorData<double>();
      for (int64_t i = 0; i < block.nloc(); ++i) {
        if (!chosen[block.atype[i]]) continue;
        std::copy_n(from, k, result.atom_energy + row(i) * k);
        from += k;
      }
    }
    if (wanted.tables >= 0) {
      const auto shape = out[wanted.sel].GetTensorTypeAndShapeInfo().GetShape();
      overflow_.add(out[wanted.tables].GetTensorData<int64_t>(), info_.ntables,
                    out[wanted.sel].GetTensorData<int64_t>(), shape[0], shape[1]);
    }
  }
  ++evaluation_;
}

std::vector<Ort::Value> Model::run(const dponnx_system& system, const Block& block,
                                   const std::vector<int32_t>* owner, const Wanted& wanted) {
  const int64_t nall = block.nall(), nloc = block.nloc(), dim = about().dim_aparam;
  coord_.resize(3 * nall);
  for (int64_t i = 0; i < nall; ++i) {
    std::copy_n(system.coord + 3 * int64_t(block.rows[i]), 3, &coord_[3 * i]);
  }
  aparam_.resize(nloc * dim);
  for (int64_t i = 0; i < nloc && dim; ++i) {
    const int64_t from = owner ? (*owner)[block.rows[i]] : block.rows[i];
    std::copy_n(system.aparam + from * dim, dim, &aparam_[i * dim]);
  }
  const bool atom_virial = wanted.atom_virial >= 0;
  const BlockInputs inputs{nloc,
                           nall,
                           block.nnei,
                           coord_.data(),
                           system.fparam,
                           aparam_.data(),
                           block.atype.data(),
                           block.nlist.data(),
                           block.natoms.data(),
                           &evaluation_,
                           &atom_virial};
  std::vector<const char*> in, out;
  std::vector<Ort::Value> values;
  for (Feed& feed : feeds_of(session_, inputs)) {
    in.push_back(feed.name);
    values.push_back(std::move(feed.value));
  }
  for (const std::string& name : wanted.names) out.push_back(name.c_str());
  return session_.run(in, values, out);
}

const char* Model::overflow(int64_t* tables, int64_t* sel) {
  const std::lock_guard<std::mutex> guard(lock_);
  std::fill_n(tables, tables ? 2 * info_.ntables : 0, 0);
  std::fill_n(sel, sel ? about().ntypes : 0, 0);
  if (tables) std::copy(overflow_.tables().begin(), overflow_.tables().end(), tables);
  if (sel) std::copy(overflow_.sel().begin(), overflow_.sel().end(), sel);
  overflow_text_ = overflow_.text(about());
  return overflow_text_.c_str();
}

}  // namespace dponnx

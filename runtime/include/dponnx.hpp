// SPDX-License-Identifier: LGPL-3.0-or-later
/// C++17 over dponnx.h, header only: models that close themselves, vectors, exceptions.
///
///     dponnx::Model model("water.onnx");
///     dponnx::Frame frame = model.compute(coord, type, box);   // frame.energy[0], frame.force
#pragma once

#include <dponnx.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace dponnx {

/// A call that failed: what() is one line, status() who has to act.
class Failure : public std::runtime_error {
 public:
  explicit Failure(dponnx_status status)
      : std::runtime_error(dponnx_last_error()), status_(status) {}
  dponnx_status status() const { return status_; }

 private:
  dponnx_status status_;
};

/// Throws Failure unless the call succeeded.
inline void check(dponnx_status status) {
  if (status != DPONNX_OK) throw Failure(status);
}

/// Results of one frame of n atoms by a model of k components: shapes as in dponnx_result.
struct Frame {
  std::vector<double> energy, force, virial, atom_energy, atom_virial;
};

/// What a frame may come with besides its atoms.
struct Extras {
  std::vector<double> fparam, aparam;
  bool atomic = false;  ///< atom_energy and atom_virial, too
};

class Model {
 public:
  explicit Model(const std::string& path, const dponnx_options& options = {}) {
    dponnx_model* model = nullptr;
    check(dponnx_open(path.c_str(), &options, &model));
    model_.reset(model);
  }

  const dponnx_info& info() const { return *dponnx_get_info(model_.get()); }
  dponnx_model* get() const { return model_.get(); }

  /// The value of a metadata entry, "" where there is none.
  std::string metadata(const std::string& key) const {
    const char* value = dponnx_metadata(model_.get(), key.c_str());
    return value ? value : "";
  }

  /// Energy, forces and virial of atoms coord [n, 3] (angstrom) of the types type [n], in the box
  /// [9] or, if that is empty, without one. Throws Failure, or std::invalid_argument where sizes
  /// do not fit.
  Frame compute(const std::vector<double>& coord, const std::vector<int32_t>& type,
                const std::vector<double>& box = {}, const Extras& extras = {}) const {
    const size_t n = type.size(), k = info().components;
    const auto fits = [](bool right, const char* what) {
      if (!right) throw std::invalid_argument(what);
    };
    fits(coord.size() == 3 * n, "coord: expected 3 numbers an atom");
    fits(box.empty() || box.size() == 9, "box: expected 9 numbers, or none");
    fits(extras.fparam.size() == size_t(info().dim_fparam), "fparam: expected dim_fparam numbers");
    fits(extras.aparam.size() == n * info().dim_aparam, "aparam: expected dim_aparam an atom");
    Frame frame;
    frame.energy.resize(k);
    if (info().has_force) frame.force.resize(k * 3 * n), frame.virial.resize(k * 9);
    if (extras.atomic) {
      frame.atom_energy.resize(n * k);
      if (info().has_force) frame.atom_virial.resize(k * 9 * n);
    }
    const auto in = [](const auto& v) { return v.empty() ? nullptr : v.data(); };
    dponnx_system system{};
    system.natoms = static_cast<int64_t>(n);
    system.coord = in(coord);
    system.type = in(type);
    system.box = in(box);
    system.fparam = in(extras.fparam);
    system.aparam = in(extras.aparam);
    const auto out = [](auto& v) { return v.empty() ? nullptr : v.data(); };
    const dponnx_result result{out(frame.energy), out(frame.force), out(frame.virial),
                               out(frame.atom_energy), out(frame.atom_virial)};
    check(dponnx_compute(model_.get(), &system, &result));
    return frame;
  }

  /// Atoms with an engine's ghosts and neighbour list. Throws Failure.
  void compute(const dponnx_system& system, const dponnx_result& result) const {
    check(dponnx_compute(model_.get(), &system, &result));
  }

  /// Atoms and results in memory of the model's CUDA device, in the order of the stream. Throws
  /// Failure.
  void compute(const dponnx_system_cuda& system, const dponnx_result& result, void* stream) const {
    check(dponnx_compute_cuda(model_.get(), &system, &result, stream));
  }

  /// A line for each finding of the last overflow check, "" if all is well.
  std::string overflow() const { return dponnx_overflow(model_.get(), nullptr, nullptr); }

 private:
  struct Close {
    void operator()(dponnx_model* model) const { dponnx_close(model); }
  };
  std::unique_ptr<dponnx_model, Close> model_;
};

}  // namespace dponnx

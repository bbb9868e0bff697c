// SPDX-License-Identifier: LGPL-3.0-or-later
// The C interface: checks, calls, and the one place that turns exceptions into a status.
#include <dponnx.h>

#include <algorithm>
#include <cmath>
#include <new>

#include "deviation.h"
#include "error.h"
#include "model.h"

struct dponnx_model {
  dponnx::Model model;
};

namespace {

using dponnx::Code;
using dponnx::fail;

thread_local std::string last_error;

dponnx_status status_of(Code code) {
  switch (code) {
    case Code::invalid_argument:
      return DPONNX_INVALID_ARGUMENT;
    case Code::invalid_model:
      return DPONNX_INVALID_MODEL;
    case Code::unsupported_machine:
      return DPONNX_NO_RUNTIME;
  }
  return DPONNX_FAILED;
}

template <class Body>
dponnx_status guard(const Body& body) noexcept {
  try {
    try {
      body();
      return DPONNX_OK;
    } catch (const dponnx::Error& e) {
      last_error = e.what();
      return status_of(e.code());
    } catch (const std::bad_alloc&) {
      last_error = "out of memory";
    } catch (const std::exception& e) {
      last_error = e.what();
    } catch (...) {
      last_error = "unknown exception";
    }
  } catch (...) {  // no memory left for the message
  }
  return DPONNX_FAILED;
}

template <class T>
T& given(T* pointer, const char* name) {
  if (!pointer) fail(Code::invalid_argument, name, " is null");
  return *pointer;
}

dponnx_status open(const dponnx::Source& source, const dponnx_options* options,
                   dponnx_model** model) {
  return guard([&] {
    given(model, "model");
    *model = nullptr;
    dponnx_options wanted = options ? *options : dponnx_options{};
    std::string note;
    if (wanted.cuda_device < 0) {
      try {
        wanted.cuda_device = 1;
        *model = new dponnx_model{dponnx::Model(source, wanted, "")};
        return;
      } catch (const std::exception& e) {
        note = e.what();
        wanted.cuda_device = 0;
      }
    }
    *model = new dponnx_model{dponnx::Model(source, wanted, note)};
  });
}

/// Room for double precision beside an array of single precision, if that is there.
class Widened {
 public:
  Widened(const float* from, int64_t n) : values_(from ? n : 0), there_(from != nullptr) {
    if (from) std::copy_n(from, n, values_.begin());
    values_.resize(values_.size() + 1);  // data() is not null
  }
  double* data() { return there_ ? values_.data() : nullptr; }
  void narrow(float* to) const {
    if (to)
      std::transform(values_.begin(), values_.end() - 1, to, [](double v) { return float(v); });
  }

 private:
  std::vector<double> values_;
  bool there_;
};

}  // namespace

extern "C" {

int32_t dponnx_api_version(void) { return DPONNX_API_VERSION; }
const char* dponnx_version(void) { return DPONNX_VERSION; }
const char* dponnx_last_error(void) { return last_error.c_str(); }

dponnx_status dponnx_open(const char* path, const dponnx_options* options, dponnx_model** model) {
  return open({path ? path : "", nullptr, 0}, options, model);
}

dponnx_status dponnx_open_memory(const void* data, size_t size, const char* name,
                                 const dponnx_options* options, dponnx_model** model) {
  const char* no_data = "";
  return open({name ? name : "model", data ? data : no_data, data ? size : 0}, options, model);
}

void dponnx_close(dponnx_model* model) { delete model; }

const dponnx_info* dponnx_get_info(const dponnx_model* model) { return &model->model.info(); }

const char* dponnx_metadata(const dponnx_model* model, const char* key) {
  const auto& entries = model->model.about().entries;
  const auto found = key ? entries.find(key) : entries.end();
  return found == entries.end() ? nullptr : found->second.c_str();
}

dponnx_status dponnx_compute(dponnx_model* model, const dponnx_system* system,
                             const dponnx_result* result) {
  return guard([&] {
    given(model, "model").model.compute(given(system, "system"), given(result, "result"));
  });
}

dponnx_status dponnx_compute_float(dponnx_model* model, const dponnx_system_float* system,
                                   const dponnx_result_float* result) {
  return guard([&] {
    const dponnx_info& info = given(model, "model").model.info();
    const dponnx_system_float& in = given(system, "system");
    const dponnx_result_float& out = given(result, "result");
    const int64_t nall = std::max<int64_t>(0, in.natoms) + std::max<int64_t>(0, in.nghost);
    const int64_t k = info.components;
    Widened coord(in.coord, 3 * nall), box(in.box, 9), fparam(in.fparam, info.dim_fparam),
        aparam(in.aparam, in.natoms * info.dim_aparam), force(out.force, k * 3 * nall),
        virial(out.virial, k * 9), atom_virial(out.atom_virial, k * 9 * nall);
    model->model.compute(
        {in.natoms, in.nghost, coord.data(), in.type, box.data(), in.along, fparam.data(),
         aparam.data(), in.nlist},
        {out.energy, force.data(), virial.data(), out.atom_energy, atom_virial.data()});
    force.narrow(out.force);
    virial.narrow(out.virial);
    atom_virial.narrow(out.atom_virial);
  });
}

dponnx_status dponnx_compute_cuda(dponnx_model* model, const dponnx_system_cuda* system,
                                  const dponnx_result* result, void* stream) {
  return guard([&] {
    given(model, "model").model.compute(given(system, "system"), given(result, "result"), stream);
  });
}

dponnx_status dponnx_compute_deviation(dponnx_model* const* models, int32_t count,
                                       const dponnx_system* system, const dponnx_result* results,
                                       double relative_force, double relative_virial,
                                       dponnx_deviation* deviation) {
  return guard([&] {
    given(models, "models");
    given(results, "results");
    dponnx_deviation& out = given(deviation, "deviation");
    const dponnx_system& in = given(system, "system");
    if (count < 1) fail(Code::invalid_argument, "count is ", count, "; expected 1 or more models");
    if (in.nghost) {
      fail(Code::invalid_argument, "nghost is ", in.nghost,
           "; expected 0: add ghost forces to their owners, then call dponnx_force_deviation");
    }
    std::vector<const double*> force, virial;
    for (int32_t m = 0; m < count; ++m) {
      force.push_back(&given(results[m].force, "force of a result"));
      virial.push_back(&given(results[m].virial, "virial of a result"));
      dponnx::Model& model = given(models[m], "a model").model;
      if (model.info().components != 1) {
        fail(Code::invalid_argument, model.about().name, ": model type is ",
             model.info().model_type, "; expected ener");
      }
      model.compute(in, results[m]);
    }
    std::vector<double> f(in.natoms), v(9);
    dponnx_force_deviation(force.data(), count, in.natoms, relative_force, f.data());
    dponnx_virial_deviation(virial.data(), count, in.natoms, relative_virial, v.data());
    out = {};
    if (in.natoms) {
      out.max_force = *std::max_element(f.begin(), f.end());
      out.min_force = *std::min_element(f.begin(), f.end());
      for (double e : f) out.avg_force += e / in.natoms;
    }
    out.max_virial = *std::max_element(v.begin(), v.end());
    out.min_virial = *std::min_element(v.begin(), v.end());
    for (double e : v) out.avg_virial += e * e / 9;
    out.avg_virial = std::sqrt(out.avg_virial);
  });
}

void dponnx_force_deviation(const double* const* force, int32_t count, int64_t natoms,
                            double relative, double* e) {
  dponnx::spread(force, count, natoms, 3, relative, e);
}

void dponnx_virial_deviation(const double* const* virial, int32_t count, int64_t natoms,
                             double relative, double* e) {
  const double n = static_cast<double>(std::max<int64_t>(natoms, 1));
  dponnx::spread(virial, count, 9, 1, -1, e);
  double magnitude = 0;
  for (int c = 0; c < 9; ++c) {
    double mean = 0;
    for (int32_t m = 0; m < count; ++m) mean += virial[m][c] / n / count;
    magnitude += mean * mean;
    e[c] /= n;
  }
  for (int c = 0; relative >= 0 && c < 9; ++c) e[c] /= std::sqrt(magnitude) + relative;
}

const char* dponnx_overflow(dponnx_model* model, int64_t* tables, int64_t* sel) {
  return model->model.overflow(tables, sel);
}

}  // extern "C"

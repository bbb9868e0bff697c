// SPDX-License-Identifier: LGPL-3.0-or-later
// Seconds of one whole step through a C library, as JSON: libdponnx by its C++ header, or
// DeePMD-kit's libdeepmd_c.so, whose wheel ships no header: the three functions of its
// documented C interface that are needed are declared here.
//
//     step_time {dponnx | LIBDEEPMD_C.so} MODEL SYSTEM SECONDS THREADS
//
// SYSTEM: text, the number of atoms, nine numbers of the box, then type x y z of each atom. They
// swing as in eval_time.py.
#include <dlfcn.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <dponnx.hpp>
#include <fstream>
#include <functional>
#include <memory>
#include <random>

namespace {

struct System {
  std::vector<double> coord, box = std::vector<double>(9);
  std::vector<int32_t> type;
};

System read(const char* path) {
  std::ifstream in(path);
  size_t n = 0;
  in >> n;
  System system;
  for (double& x : system.box) in >> x;
  system.coord.resize(3 * n);
  system.type.resize(n);
  for (size_t i = 0; i < n; ++i) {
    in >> system.type[i];
    for (int k = 0; k < 3; ++k) in >> system.coord[3 * i + k];
  }
  if (!in) throw std::runtime_error(std::string(path) + ": not a system");
  return system;
}

/// Where atoms swing to: 0.2 angstrom far in a direction of each.
std::vector<double> swings(size_t natoms) {
  std::mt19937 random;
  std::normal_distribution<double> normal;
  std::vector<double> swing(3 * natoms);
  for (double* s = swing.data(); s != swing.data() + swing.size(); s += 3) {
    for (int k = 0; k < 3; ++k) s[k] = normal(random);
    const double length = std::hypot(s[0], s[1], s[2]);
    for (int k = 0; k < 3; ++k) s[k] *= 0.2 / length;
  }
  return swing;
}

/// One step: energy in eV, force and virial computed, too.
using Step = std::function<double()>;

Step ours(const char* path, const System& system, int threads) {
  dponnx_options options{};
  options.threads = threads;
  auto model = std::make_shared<dponnx::Model>(path, options);
  return
      [model, &system] { return model->compute(system.coord, system.type, system.box).energy[0]; };
}

template <class F>
F* symbol(void* library, const char* name) {
  F* function = reinterpret_cast<F*>(dlsym(library, name));
  if (!function) throw std::runtime_error(dlerror());
  return function;
}

Step deepmd(const char* library_path, const char* path, const System& system) {
  void* library = dlopen(library_path, RTLD_NOW);
  if (!library) throw std::runtime_error(dlerror());
  const auto open = symbol<void*(const char*)>(library, "DP_NewDeepPot");
  const auto problem = symbol<const char*(void*)>(library, "DP_DeepPotCheckOK");
  const auto compute =
      symbol<void(void*, int, const double*, const int*, const double*, double*, double*, double*,
                  double*, double*)>(library, "DP_DeepPotCompute");
  const auto check = [problem](void* model) {
    const char* text = problem(model);
    if (text && *text) throw std::runtime_error(text);
  };
  void* model = open(path);
  check(model);
  auto force = std::make_shared<std::vector<double>>(system.coord.size());
  return [=, &system] {
    double energy = 0, virial[9];
    compute(model, static_cast<int>(system.type.size()), system.coord.data(), system.type.data(),
            system.box.data(), &energy, force->data(), virial, nullptr, nullptr);
    check(model);
    return energy;
  };
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6)
    throw std::invalid_argument("usage: step_time LIBRARY MODEL SYSTEM SECONDS THREADS");
  System system = read(argv[3]);
  const std::vector<double> start = system.coord, swing = swings(system.type.size());
  const double wanted = std::stod(argv[4]);
  const Step step = std::string(argv[1]) == "dponnx" ? ours(argv[2], system, std::stoi(argv[5]))
                                                     : deepmd(argv[1], argv[2], system);
  std::printf("{\"energy\": %.17g, \"seconds\": [", step());
  double total = 0;
  for (int n = 1; n < 6 || total < wanted; ++n) {
    for (size_t k = 0; k < swing.size(); ++k) {
      system.coord[k] = start[k] + std::sin(0.1 * n) * swing[k];
    }
    const auto begin = std::chrono::steady_clock::now();
    step();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (n <= 2) continue;  // what is done once is done
    total += took.count();
    std::printf(n > 3 ? ", %.9g" : "%.9g", took.count());
  }
  std::printf("]}\n");
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}

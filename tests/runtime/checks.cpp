// SPDX-License-Identifier: LGPL-3.0-or-later
// checks MODEL CHECK: one check of libdponnx by its name; prints what differs and returns 1.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <stdexcept>
#include <thread>

#include "engine.h"

namespace {

constexpr double kSkin = 1.0;

/// Where the checks run: DPONNX_CHECKS_CUDA=1 says on the first CUDA device.
dponnx_options options_here() {
  dponnx_options options{};
  options.cuda_device = std::getenv("DPONNX_CHECKS_CUDA") ? 1 : 0;
  return options;
}

/// Largest difference, in units of the larger of 1 and the largest value.
void expect_close(const char* what, const std::vector<double>& a, const std::vector<double>& b,
                  double tolerance) {
  double scale = 1, worst = a.size() == b.size() ? 0 : INFINITY;
  for (size_t k = 0; k < std::min(a.size(), b.size()); ++k) {
    scale = std::max(scale, std::abs(a[k]));
    if (!(std::abs(a[k] - b[k]) <= worst)) worst = std::abs(a[k] - b[k]);
  }
  if (!(worst <= tolerance * scale)) {
    throw std::runtime_error(std::string(what) + " differs by " + std::to_string(worst));
  }
}

void expect(bool right, const std::string& what) {
  if (!right) throw std::runtime_error(what);
}

/// All results of a system, rows as given.
dponnx::Frame all_of(const dponnx::Model& model, const dponnx_system& system) {
  const size_t rows = system.natoms + system.nghost;
  dponnx::Frame f;
  f.energy.resize(1), f.force.resize(3 * rows), f.virial.resize(9);
  f.atom_energy.resize(system.natoms), f.atom_virial.resize(9 * rows);
  model.compute(system, {f.energy.data(), f.force.data(), f.virial.data(), f.atom_energy.data(),
                         f.atom_virial.data()});
  return f;
}

void expect_same(const dponnx::Frame& a, const dponnx::Frame& b, double tolerance) {
  expect_close("energy", a.energy, b.energy, tolerance);
  expect_close("force", a.force, b.force, tolerance);
  expect_close("virial", a.virial, b.virial, tolerance);
  expect_close("atom_energy", a.atom_energy, b.atom_energy, tolerance);
  expect_close("atom_virial", a.atom_virial, b.atom_virial, tolerance);
}

dponnx::Frame folded(const Engine& engine, dponnx::Frame frame) {
  frame.force = engine.fold(frame.force, 3);
  frame.atom_virial = engine.fold(frame.atom_virial, 9);
  return frame;
}

// An engine's list with ghosts against the box; then moved atoms with the list kept.
void check_list(const std::string& path) {
  const dponnx::Model model(path, options_here());
  Engine engine(60, model.info(), kSkin, 1);
  for (int step = 0; step < 4; ++step) {
    const dponnx::Frame found = all_of(model, engine.listed(step));
    expect_same(folded(engine, found), all_of(model, engine.boxed()), 1e-12);
    expect(std::abs(found.force[0]) > 1e-6, "forces are zero");
    engine.shake(0.1, step);
  }
  engine.ilist().resize(engine.ilist().size() / 2);  // a part of the atoms, as hybrid styles list
  const dponnx::Frame half = all_of(model, engine.listed(0));
  double sum = 0;
  for (size_t a = 0; a < 30; ++a) sum += half.atom_energy[a];
  for (size_t a = 30; a < 60; ++a) expect(half.atom_energy[a] == 0, "energy of an atom not listed");
  expect_close("energy of half", half.energy, {sum}, 1e-12);
  engine.ilist().clear();  // a rank without atoms
  const dponnx::Frame none = all_of(model, engine.listed(0));
  expect(none.energy[0] == 0 && none.force[0] == 0, "a rank without atoms has an energy");
}

// Blocks of any size give the same, findings of the overflow check included, and so does any number
// of threads.
void check_blocks(const std::string& path) {
  const dponnx::Model whole(path, options_here());
  Engine engine(90, whole.info(), kSkin, 2);
  const dponnx::Frame expected = all_of(whole, engine.boxed());
  expect(!whole.info().ntables || !whole.overflow().empty(), "nothing exceeds sel here");
  for (int block : {1, 7, 40}) {
    dponnx_options options = options_here();
    options.block = block;
    options.threads = block % 3;
    const dponnx::Model model(path, options);
    expect_same(all_of(model, engine.boxed()), expected, 1e-12);
    expect(model.overflow() == whole.overflow(), "the overflow check differs: " + model.overflow());
    expect_same(folded(engine, all_of(model, engine.listed(0))), expected, 1e-12);
  }
}

// Periodic along some vectors only: as with the others so long that no image comes near.
void check_along(const std::string& path) {
  const dponnx::Model model(path, options_here());
  Engine engine(40, model.info(), kSkin, 8);
  const dponnx_system in = engine.boxed();
  const double edge = in.box[0], tilted[9] = {edge, 0, 0, 2, edge, 0, -1, 3, edge};
  for (int which = 0; which < 8; ++which) {
    double box[9], far[9];
    int32_t along[3];
    for (int k = 0; k < 3; ++k) {
      along[k] = which >> k & 1;
      for (int c = 0; c < 3; ++c) {
        box[3 * k + c] = along[k] ? tilted[3 * k + c] : which == 3 ? NAN : 0;  // not looked at
        far[3 * k + c] = tilted[3 * k + c] * (along[k] ? 1 : 20);
      }
    }
    dponnx_system open = in, closed = in;
    open.box = box, open.along = along;
    closed.box = far;
    expect_same(all_of(model, open), all_of(model, closed), 1e-12);
  }
}

// Single precision arrays: the results are those of the coordinates as they were rounded.
void check_single(const std::string& path) {
  const dponnx::Model model(path, options_here());
  Engine engine(40, model.info(), kSkin, 3);
  const dponnx_system in = engine.boxed();
  std::vector<float> coord(in.coord, in.coord + 3 * in.natoms), box(in.box, in.box + 9);
  const std::vector<double> rounded(coord.begin(), coord.end()), edges(box.begin(), box.end());
  dponnx_system same = in;
  same.coord = rounded.data();
  same.box = edges.data();
  const dponnx::Frame expected = all_of(model, same);
  std::vector<float> fparam(model.info().dim_fparam, 0.3f), force(3 * in.natoms), virial(9);
  double energy;
  dponnx_system_float system{};
  system.natoms = in.natoms, system.coord = coord.data(), system.type = in.type;
  system.box = box.data();
  const dponnx_result_float result{&energy, force.data(), virial.data(), nullptr, nullptr};
  dponnx::check(dponnx_compute_float(model.get(), &system, &result));
  expect_close("energy", expected.energy, {energy}, 1e-12);
  expect_close("force", expected.force, {force.begin(), force.end()}, 1e-6);
  expect_close("virial", expected.virial, {virial.begin(), virial.end()}, 1e-6);
}

// The spread of a model and itself is 0; that of forces f and f + d, of one model and a scaled
// copy.
void check_deviation(const std::string& path) {
  const dponnx::Model a(path, options_here()), b(path, options_here());
  Engine engine(30, a.info(), kSkin, 4);
  const dponnx_system system = engine.boxed();
  dponnx::Frame one, two;
  for (dponnx::Frame* f : {&one, &two}) f->force.resize(90), f->virial.resize(9);
  const dponnx_result results[] = {
      {nullptr, one.force.data(), one.virial.data(), nullptr, nullptr},
      {nullptr, two.force.data(), two.virial.data(), nullptr, nullptr}};
  dponnx_model* const models[] = {a.get(), b.get()};
  dponnx_deviation found;
  dponnx::check(dponnx_compute_deviation(models, 2, &system, results, -1, -1, &found));
  expect(found.max_force == 0 && found.max_virial == 0, "one model deviates from itself");
  for (double& f : two.force) f *= 3;
  for (double& v : two.virial) v *= 3;
  const double* const forces[] = {one.force.data(), two.force.data()};
  const double* const virials[] = {one.virial.data(), two.virial.data()};
  std::vector<double> e(30), expected(30), ev(9), expected_v(9);
  double norm = 0;
  for (int c = 0; c < 9; ++c) norm = std::hypot(norm, one.virial[c] * 2 / 30);
  dponnx_force_deviation(forces, 2, 30, 0.5, e.data());
  dponnx_virial_deviation(virials, 2, 30, 0.5, ev.data());
  for (int i = 0; i < 30; ++i) {  // f and 3 f: mean 2 f, deviation |f|
    const double f = std::hypot(one.force[3 * i], one.force[3 * i + 1], one.force[3 * i + 2]);
    expected[i] = f / (2 * f + 0.5);
  }
  for (int c = 0; c < 9; ++c) expected_v[c] = std::abs(one.virial[c]) / 30 / (norm + 0.5);
  expect_close("relative force deviation", expected, e, 1e-12);
  expect_close("relative virial deviation", expected_v, ev, 1e-12);
}

// Four threads on one model and on models of their own: everybody gets the same numbers.
void check_threads(const std::string& path) {
  const dponnx::Model shared(path, options_here());
  Engine engine(40, shared.info(), kSkin, 5);
  const dponnx::Frame expected = all_of(shared, engine.boxed());
  std::vector<std::string> wrong(4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      try {
        const dponnx::Model own(path, options_here());
        for (int k = 0; k < 5; ++k) {
          expect_same(all_of(t % 2 ? own : shared, engine.boxed()), expected, 0);
        }
      } catch (const std::exception& e) {
        wrong[t] = e.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : wrong) expect(text.empty(), text);
}

// Wrong arguments are refused with one line that names them.
void check_errors(const std::string& path) {
  const auto refused = [](dponnx_status status, dponnx_status expected, const char* says) {
    const std::string text = dponnx_last_error();
    expect(status == expected && text.find(says) != std::string::npos &&
               text.find('\n') == std::string::npos,
           "status " + std::to_string(status) + ": " + text);
  };
  dponnx_model* none = nullptr;
  refused(dponnx_open("missing.onnx", nullptr, &none), DPONNX_INVALID_MODEL, "no such file");
  refused(dponnx_open("/", nullptr, &none), DPONNX_INVALID_MODEL, "is no file");
  refused(dponnx_open(path.c_str(), nullptr, nullptr), DPONNX_INVALID_ARGUMENT, "model is null");
  refused(dponnx_open_memory("abc", 3, "abc", nullptr, &none), DPONNX_INVALID_MODEL, "abc");
  refused(dponnx_open_memory(nullptr, 0, nullptr, nullptr, &none), DPONNX_INVALID_MODEL, "model");
  expect(none == nullptr, "a model after a failure");
  dponnx_options cuda{};
  cuda.cuda_device = 1;
  refused(dponnx_open(path.c_str(), &cuda, &none), DPONNX_NO_RUNTIME, "CUDA device 0");

  const dponnx::Model model(path, options_here());
  Engine engine(20, model.info(), kSkin, 6);
  double energy;
  const dponnx_result result{&energy, nullptr, nullptr, nullptr, nullptr};
  const auto bad = [&](const dponnx_system& system, const char* says) {
    refused(dponnx_compute(model.get(), &system, &result), DPONNX_INVALID_ARGUMENT, says);
  };
  dponnx_system system = engine.boxed();
  system.natoms = -1;
  bad(system, "natoms = -1");
  system = engine.boxed();
  system.coord = nullptr;
  bad(system, "coord or type is null");
  system = engine.boxed();
  system.nghost = 3;
  bad(system, "nlist is null");
  std::vector<int> types(20, model.info().ntypes);
  system = engine.boxed();
  system.type = types.data();
  bad(system, "atom 0 has type");
  const double flat[9] = {};
  system = engine.boxed();
  system.box = flat;
  bad(system, "volume");
  engine.ilist()[0] = 20;
  bad(engine.listed(0), "ilist[0] is 20");
  engine.ilist()[0] = 0;
  engine.neighbors()[1][0] = engine.nall();
  bad(engine.listed(0), "neighbour 0 of atom 1");
  engine.coord()[4] = NAN;
  bad(engine.boxed(), "coordinate of atom 1");
  refused(dponnx_compute(nullptr, &system, &result), DPONNX_INVALID_ARGUMENT, "model is null");
  dponnx_close(nullptr);
}

/// Memory in use by this process, kB.
long resident() {
  long kb = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*d %ld", &kb) != 1) kb = 0;
    std::fclose(file);
  }
  return kb * 4;
}

// Opening, computing and closing again and again needs no more memory in the end.
void check_cycles(const std::string& path) {
  const char* text = std::getenv("DPONNX_CYCLES");
  const int cycles = text ? std::atoi(text) : 20;
  long before = 0;
  for (int k = 0; k < cycles; ++k) {
    const dponnx::Model model(path, options_here());
    Engine engine(8, model.info(), kSkin, 7);
    all_of(model, engine.boxed());
    if (k == cycles / 5) before = resident();
  }
  const long grown = resident() - before;
  std::printf("%d cycles, %ld kB more\n", cycles, grown);
  // malloc alone wavers by 2 MB; a model left open would be 100 kB a cycle.
  expect(cycles < 100 || grown < 4000, "memory grew by " + std::to_string(grown) + " kB");
}

}  // namespace

int main(int argc, char** argv) try {
  const std::map<std::string, std::function<void(const std::string&)>> checks = {
      {"list", check_list},     {"blocks", check_blocks},       {"along", check_along},
      {"single", check_single}, {"deviation", check_deviation}, {"threads", check_threads},
      {"errors", check_errors}, {"cycles", check_cycles}};
  if (argc < 3) throw std::invalid_argument("usage: checks MODEL CHECK...");
  for (int k = 2; k < argc; ++k) {
    checks.at(argv[k])(argv[1]);
    std::printf("%s: ok\n", argv[k]);
  }
} catch (const std::exception& e) {
  std::printf("%s\n", e.what());
  return 1;
}

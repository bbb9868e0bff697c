// SPDX-License-Identifier: LGPL-3.0-or-later
//
// Checks the CUDA kernels of the fused operators, and times them, without ONNX Runtime or Python:
//
//   harness                 random systems beside the CPU's kernels; exit code 1 if one is off
//   harness 1000 100000     then microseconds an atom for systems of so many atoms
//
// Prints JSON. The first also under compute-sanitizer (--tool memcheck, racecheck).
// To build, beside CMakeLists.txt, with nvcc alone, from the repository's root:
//
//   nvcc -std=c++17 -O3 --extended-lambda -arch=native -Icustom_ops -Icustom_ops/include
//        -Icustom_ops/src -Icustom_ops/cuda -o harness tests/cuda/harness.cu custom_ops/cuda/*.cu
//        custom_ops/cuda/{device,device_table,gemm}.cc
//        custom_ops/src/{dispatch,isa_scalar,laid_table,neighbors}.cc -ldl     (in one line)
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "checks.h"
#ifndef DPONNX_CUDA_EMULATED
#include "timing.h"
#endif

namespace harness {

namespace {

const char* name_of(Descriptor kind) {
  return kind == Descriptor::se_a ? "se_e2_a" : kind == Descriptor::se_t ? "se_e3" : "se_e2_r";
}

/// A system of each corner, with the sel that makes it one.
struct Corner {
  const char* what;
  SystemOptions options;
  int room;  ///< slots of each type beyond the neighbours of the fullest atom; below 0: too few
};

const Corner kCorners[] = {
    {"room", {8, 5.0}, 5},
    {"sel exactly full", {7, 5.0}, 0},
    {"more neighbours than slots", {6, 5.0}, -4},
    {"one type", {3, 6.0, 2.15, 1}, 3},
    {"nloc = 0", {0, 4.0}, 3},
    {"no neighbours", {3, 0.5}, 3},
    {"only padding", {3, 4.0, 2.15, 2, false}, 3},
};

Model model_for(Descriptor kind, const Corner& corner, const System& system, int width) {
  Model model{kind, {}, width};
  model.rcut = 4;
  for (int n : most_neighbors(system, model.rcut, corner.options.ntypes)) {
    model.sel.push_back(std::max(0, n + corner.room));
  }
  model.step = kind == Descriptor::se_t ? 0.02 : 0.01;
  return model;
}

template <class E, class T>
void check_kind(Descriptor kind, const char* precision, Checks& checks) {
  for (const Corner& corner : kCorners) {
    const System system = make_system(corner.options);
    const std::string what = std::string(name_of(kind)) + " " + precision + ", " + corner.what;
    check_descriptor<E, T>(what, model_for(kind, corner, system, 37), system, checks);
  }
}

void check_all(Checks& checks) {
  for (Descriptor kind : {Descriptor::se_a, Descriptor::se_r, Descriptor::se_t}) {
    check_kind<double, double>(kind, "float64", checks);
    check_kind<float, float>(kind, "float32", checks);
    check_kind<double, float>(kind, "mixed", checks);
  }
  for (const Corner& corner : kCorners) {
    const System system = make_system(corner.options);
    check_neighbors(std::string("neighbours, ") + corner.what,
                    model_for(Descriptor::se_a, corner, system, 1), system, checks);
  }
  check_contraction<double>(20, 130, 9, checks);
  check_contraction<float>(20, 41, 16, checks);
  check_layer<double>(30, 67, 21, checks);
  check_layer<float>(30, 67, 21, checks);
}

int run(int count, char** arguments) {
  Checks checks;
  check_all(checks);
  std::printf("{\"checks\": [");
  const char* comma = "\n";
  for (const Check& check : checks.all) {
    std::printf("%s  {\"what\": \"%s\", \"error\": %.3g, \"allowed\": %.3g}", comma,
                check.what.c_str(), check.error, check.allowed);
    comma = ",\n";
  }
  std::printf("],\n\"good\": %s", checks.good() ? "true" : "false");
#ifndef DPONNX_CUDA_EMULATED
  print_device();
  std::printf(",\n\"timings\": [");
  comma = "\n";
  for (int k = 1; k < count; ++k) {
    for (const Timing& timing : time_all(std::atoll(arguments[k]))) {
      std::printf("%s  %s", comma, timing.json().c_str());
      comma = ",\n";
    }
  }
  std::printf("]");
#else
  (void)count, (void)arguments;
#endif
  std::printf("}\n");
  return checks.good() ? 0 : 1;
}

}  // namespace

}  // namespace harness

int main(int count, char** arguments) {
  try {
    return harness::run(count, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "harness: %s\n", error.what());
    return 2;
  }
}

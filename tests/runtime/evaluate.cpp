// SPDX-License-Identifier: LGPL-3.0-or-later
// evaluate MODEL < system: energy, then a line of force for each atom; by the C++ class, which must
// agree with the C functions. The system: natoms, 9 numbers of the box (or 0 for none before them),
// then type x y z of each atom.
#include <cstdio>
#include <dponnx.hpp>
#include <iostream>

int main(int argc, char** argv) try {
  if (argc != 2) throw std::invalid_argument("usage: evaluate MODEL");
  int natoms, periodic;
  std::cin >> natoms >> periodic;
  std::vector<double> box(periodic ? 9 : 0), coord(3 * natoms);
  std::vector<int32_t> type(natoms);
  for (double& x : box) std::cin >> x;
  for (int i = 0; i < natoms; ++i) {
    std::cin >> type[i] >> coord[3 * i] >> coord[3 * i + 1] >> coord[3 * i + 2];
  }
  if (!std::cin) throw std::invalid_argument("the system is not as expected");
  const dponnx::Model model(argv[1]);
  const dponnx::Frame frame = model.compute(coord, type, box);

  double energy = 0;
  std::vector<double> force(3 * natoms);
  dponnx_system system{};
  system.natoms = natoms, system.coord = coord.data(), system.type = type.data();
  system.box = periodic ? box.data() : nullptr;
  dponnx_result result{};
  result.energy = &energy, result.force = force.data();
  dponnx::check(dponnx_compute(model.get(), &system, &result));
  if (energy != frame.energy[0] || force != frame.force) {
    throw std::runtime_error("the C functions differ from the C++ class");
  }
  std::printf("%.17g\n", energy);
  for (int i = 0; i < natoms; ++i) {
    std::printf("%.17g %.17g %.17g\n", force[3 * i], force[3 * i + 1], force[3 * i + 2]);
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}

// SPDX-License-Identifier: LGPL-3.0-or-later
// Energy of two atoms, of the model's first and last type, against their distance.
//
//     ./dimer water.onnx
#include <cstdio>
#include <dponnx.hpp>

int main(int argc, char** argv) try {
  if (argc != 2) throw std::invalid_argument("usage: dimer MODEL.onnx");
  const dponnx::Model model(argv[1]);
  const dponnx_info& info = model.info();
  for (double r = 0.8; r < info.rcut; r += 0.4) {
    const dponnx::Frame frame = model.compute({0, 0, 0, r, 0, 0}, {0, info.ntypes - 1});
    std::printf("%.1f %.12g %.12g\n", r, frame.energy[0], frame.force[3]);
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}

/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* Energy, virial and forces of a water molecule in a box of 10 angstrom.
 *
 *     ./energy water.onnx
 */
#include <dponnx.h>
#include <stdio.h>

int main(int argc, char** argv) {
  dponnx_model* model;
  if (argc != 2 || dponnx_open(argv[1], NULL, &model)) {
    fprintf(stderr, "%s\n", argc != 2 ? "usage: energy MODEL.onnx" : dponnx_last_error());
    return 1;
  }
  const dponnx_info* info = dponnx_get_info(model);
  printf("rcut %g, types", info->rcut);
  for (int t = 0; t < info->ntypes; ++t) printf(" %s", info->names[t]);
  printf("\n");

  const double coord[] = {0, 0, 0, 0.957, 0, 0, -0.240, 0.927, 0};
  const double box[] = {10, 0, 0, 0, 10, 0, 0, 0, 10};
  const int32_t type[] = {0, 1, 1};
  double energy, virial[9], force[9];
  const dponnx_system system = {.natoms = 3, .coord = coord, .type = type, .box = box};
  const dponnx_result result = {.energy = &energy, .force = force, .virial = virial};
  const dponnx_status status = dponnx_compute(model, &system, &result);
  if (status) {
    fprintf(stderr, "%s\n", dponnx_last_error());
  } else {
    printf("energy %.12g\n", energy);
    for (int i = 0; i < 3; ++i) {
      printf("force %.12g %.12g %.12g\n", force[3 * i], force[3 * i + 1], force[3 * i + 2]);
    }
  }
  dponnx_close(model);
  return status ? 1 : 0;
}

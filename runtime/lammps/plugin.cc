// SPDX-License-Identifier: LGPL-3.0-or-later
// What `plugin load dponnxplugin.so` calls: it offers pair_style dponnx.
#include "pair_dponnx.h"

namespace {

// LAMMPS's record of a style, as its manual describes it (Developer guide, Writing plugins).
struct Style {
  const char* version;  // of LAMMPS; printed if it is not the running one
  const char* style;
  const char* name;
  const char* info;
  const char* author;
  void* (*create)(LAMMPS_NS::LAMMPS*);
  void* handle;
};

void* create(LAMMPS_NS::LAMMPS* lmp) { return new LAMMPS_NS::PairDponnx(lmp); }

}  // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void* lmp, void* handle,
                                                                         void* regfunc) {
  Style style{
      DPONNX_LAMMPS_VERSION, "pair", "dponnx", "pair style dponnx", "dponnx", create, handle};
  reinterpret_cast<void (*)(Style*, void*)>(regfunc)(&style, lmp);
}

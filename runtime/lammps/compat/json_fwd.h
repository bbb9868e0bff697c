// SPDX-License-Identifier: LGPL-3.0-or-later
// atom.h includes this header, which some LAMMPS packages lack; a source tree has its own.
#ifndef DPONNX_LAMMPS_JSON_FWD_H
#define DPONNX_LAMMPS_JSON_FWD_H
namespace LAMMPS_NS {
class json;
}
#endif

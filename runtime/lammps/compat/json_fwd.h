// SPDX-License-Identifier: LGPL-3.0-or-later
// Some LAMMPS packages ship atom.h without this header, which it includes; a source tree has its
// own.
#ifndef DPONNX_LAMMPS_JSON_FWD_H
#define DPONNX_LAMMPS_JSON_FWD_H
namespace LAMMPS_NS {
class json;
}
#endif

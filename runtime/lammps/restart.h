// SPDX-License-Identifier: LGPL-3.0-or-later
#ifndef DPONNX_LAMMPS_RESTART_H
#define DPONNX_LAMMPS_RESTART_H

#include <mpi.h>

#include <cstdio>
#include <string>
#include <vector>

namespace dponnx_lammps {

/// Writes texts to LAMMPS's restart file; called on the rank that has it open.
void write_texts(FILE* file, const std::vector<std::string>& texts);

/// Reads them on rank 0 and gives them to every rank. Raises std::runtime_error on every rank if
/// the file ends early.
std::vector<std::string> read_texts(FILE* file, MPI_Comm world);

}  // namespace dponnx_lammps

#endif

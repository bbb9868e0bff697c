// SPDX-License-Identifier: LGPL-3.0-or-later
#include "restart.h"

#include <stdexcept>

namespace dponnx_lammps {

// Length in bytes, then a line a text: neither paths nor names hold a line end.
void write_texts(FILE* file, const std::vector<std::string>& texts) {
  std::string lines;
  for (const std::string& text : texts) lines += text + '\n';
  const int length = static_cast<int>(lines.size());
  fwrite(&length, sizeof length, 1, file);
  fwrite(lines.data(), 1, length, file);
}

std::vector<std::string> read_texts(FILE* file, MPI_Comm world) {
  int rank, length = -1;
  MPI_Comm_rank(world, &rank);
  std::string lines;
  if (rank == 0 && fread(&length, sizeof length, 1, file) == 1 && length >= 0) {
    lines.resize(length);
    if (fread(&lines[0], 1, length, file) != lines.size()) length = -1;
  }
  MPI_Bcast(&length, 1, MPI_INT, 0, world);
  if (length < 0)
    throw std::runtime_error("the restart file ends within the pair style's settings");
  lines.resize(length);
  MPI_Bcast(&lines[0], length, MPI_CHAR, 0, world);
  std::vector<std::string> texts;
  for (size_t at = 0, end; at < lines.size(); at = end + 1) {
    end = lines.find('\n', at);
    texts.push_back(lines.substr(at, end - at));
  }
  return texts;
}

}  // namespace dponnx_lammps

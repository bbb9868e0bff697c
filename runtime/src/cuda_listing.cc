// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_listing.h"

#include <algorithm>
#include <iterator>

#include "error.h"

namespace dponnx {

namespace {

dponnx_cuda_box device_box(const Box& box, double rcut) {
  dponnx_cuda_box result{};
  result.rcut = rcut;
  for (int k = 0; k < 3; ++k) {
    std::copy_n(box.vector(k).begin(), 3, result.vectors + 3 * k);
    std::copy_n(box.inverse(k).begin(), 3, result.inverse + 3 * k);
    result.along[k] = box.periodic(k);
  }
  return result;
}

}  // namespace

CudaListing::CudaListing(const CudaDevice& device, double rcut)
    : device_(device),
      rcut_(rcut),
      wrapped_(device),
      coord_(device),
      bounds_(device),
      host_bounds_(device, true),
      device_owner_(device),
      type_(device),
      first_(device),
      start_(device),
      sorted_(device),
      atoms_(device),
      count_(device),
      neighbors_(device),
      most_(device),
      host_most_(device, true) {}

void CudaListing::update(const dponnx_system_cuda& system, const int32_t* type) {
  cells_.box = device_box(Box(system.box, system.along, rcut_), rcut_);
  owner_.clear(), host_type_.clear();
  for (int64_t i = 0; i < system.natoms; ++i) {
    if (type[i] < 0) continue;
    owner_.push_back(static_cast<int32_t>(i));
    host_type_.push_back(type[i]);
  }
  device_owner_.set(owner_.data(), natoms());
  find_images(system.coord);
}

void CudaListing::find_images(const double* coord) {
  const int64_t n = natoms();
  const CudaFunctions& f = device_.functions();
  void* stream = device_.stream();
  double* wrapped = wrapped_.room(3 * n);
  device_.must(f.gather(coord, device_owner_.data(), n, 3, wrapped, stream));
  device_.must(f.wrap(&cells_.box, wrapped, n, first_.room(n + 1), bounds_.room(6), stream));
  double* bounds = host_bounds_.room(6);
  int32_t* images = host_most_.room(1);
  device_.copy(bounds, bounds_.data(), 6 * sizeof(double));
  device_.copy(images, first_.data() + n, sizeof(int32_t));
  device_.wait();
  nrows_ = n + *images;
  if (*images < 0 || nrows_ > INT32_MAX / 3) {
    fail(Code::invalid_argument, n,
         " atoms have too many images within the cutoff of the box; "
         "expected at most ",
         INT32_MAX / 3, " atoms and images. Are the units angstrom?");
  }
  coord_.room(3 * nrows_);
  device_.copy(coord_.data(), wrapped, 3 * n * sizeof(double));
  type_.room(nrows_);
  device_.copy(type_.data(), host_type_.data(), n * sizeof(int32_t));
  device_.must(f.images(&cells_.box, coord_.data(), type_.data(), n, first_.data(), stream));
  sort_cells(bounds);
}

void CudaListing::sort_cells(const double* bounds) {
  device_.functions().grid(&cells_, bounds, nrows_);
  const int64_t ncells = int64_t(cells_.n[0]) * cells_.n[1] * cells_.n[2];
  cells_.start = start_.room(ncells + 1);
  cells_.rows = sorted_.room(nrows_);
  cells_.coord = coord_.data();
  device_.must(
      device_.functions().sort(&cells_, nrows_, start_.data(), sorted_.data(), device_.stream()));
  std::vector<int32_t> sorted(nrows_);
  device_.copy(sorted.data(), sorted_.data(), nrows_ * sizeof(int32_t));
  device_.wait();
  order_.clear();
  std::copy_if(sorted.begin(), sorted.end(), std::back_inserter(order_),
               [n = natoms()](int32_t row) { return row < n; });
}

dponnx_cuda_list CudaListing::neighbors(const std::vector<int32_t>& atoms) {
  const int64_t n = static_cast<int64_t>(atoms.size());
  const CudaFunctions& f = device_.functions();
  void* stream = device_.stream();
  const int32_t* rows = atoms_.set(atoms.data(), n);
  int32_t *count = count_.room(n), *most = host_most_.room(1);
  device_.must(f.count(&cells_, rows, n, count, most_.room(1), stream));
  device_.copy(most, most_.data(), sizeof(int32_t));
  device_.wait();
  int32_t* list = neighbors_.room(n * *most);
  device_.must(f.neighbors(&cells_, rows, n, *most, list, stream));
  return {list, count, nullptr, *most, 1, -1, 0, 1};
}

void CudaListing::fold(const double* rows, int32_t columns, double* to) const {
  device_.must(device_.functions().fold(rows, first_.data(), device_owner_.data(), natoms(),
                                        columns, to, device_.stream()));
}

}  // namespace dponnx

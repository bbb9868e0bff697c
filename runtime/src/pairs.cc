// SPDX-License-Identifier: LGPL-3.0-or-later
#include "pairs.h"

#include <vesin.h>

#include <algorithm>
#include <numeric>

#include "error.h"
#include "paths.h"

namespace dponnx {

namespace {

/// Component `axis` of the points, from 0 on, empty stretches longer than gap narrowed to gap: the
/// same pairs within gap. Keeps far fragments from spanning millions of empty cells.
void narrow(std::vector<double>& points, int axis, double gap) {
  const size_t n = points.size() / 3;
  std::vector<int32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int32_t a, int32_t b) { return points[3 * a + axis] < points[3 * b + axis]; });
  double last = points[3 * order[0] + axis], removed = last;
  for (int32_t k : order) {
    double& x = points[3 * k + axis];
    if (x - last > gap) removed += x - last - gap;
    last = x;
    x -= removed;
  }
}

}  // namespace

std::vector<Pair> find_pairs(const std::vector<double>& coord, const Box& box, double rcut,
                             int threads) {
  std::vector<Pair> result;
  if (coord.empty()) return result;
  std::vector<double> points = coord;
  double vectors[3][3];
  bool along[3];
  for (int k = 0; k < 3; ++k) {
    along[k] = box.periodic(k);
    std::copy_n(box.vector(k).begin(), 3, vectors[k]);
    if (!box.any()) narrow(points, k, 2 * rcut);
    if (along[k]) continue;
    // The box that vesin sees holds all atoms along its open directions, too.
    double low = 0, high = 0;
    for (size_t a = 0; a < points.size() / 3; ++a) {
      const double f = box.any() ? box.fraction(&points[3 * a])[k] : points[3 * a + k];
      low = a ? std::min(low, f) : f;
      high = a ? std::max(high, f) : f;
    }
    const double extent = high - low;  // that vector has length 1
    if (!(extent <= kMaxExtent * rcut)) {
      fail(Code::invalid_argument, "atoms extend over ", extent,
           " angstrom where there is no box; expected at most ", kMaxExtent * rcut);
    }
    for (double& c : vectors[k]) c *= extent + 4 * rcut;
    for (size_t a = 0; a < points.size() / 3; ++a) {
      for (int c = 0; c < 3; ++c) points[3 * a + c] -= (low - 2 * rcut) * box.vector(k)[c];
    }
  }
  VesinOptions options{};
  options.cutoff = rcut;
  options.full = true;
  options.sorted = true;
  options.algorithm = VesinAutoAlgorithm;
  options.n_threads = std::max(1, threads);
  options.return_shifts = true;
  const auto neighbors =
      reinterpret_cast<decltype(&vesin_neighbors)>(vesin_symbol("vesin_neighbors"));
  const auto release = reinterpret_cast<decltype(&vesin_free)>(vesin_symbol("vesin_free"));
  struct List : VesinNeighborList {
    decltype(&vesin_free) release;
    ~List() { release(this); }
  } list;
  list.release = release;
  const char* why = nullptr;
  if (neighbors(reinterpret_cast<const double (*)[3]>(points.data()), points.size() / 3, vectors,
                along, {VesinCPU, 0}, options, &list, &why) != 0) {
    fail(Code::invalid_argument, "neighbours cannot be found: ", why ? why : "vesin failed");
  }
  result.reserve(list.length);
  for (size_t p = 0; p < list.length; ++p) {
    const int32_t* s = list.shifts[p];
    result.push_back({int32_t(list.pairs[p][0]), int32_t(list.pairs[p][1]), {s[0], s[1], s[2]}});
  }
  return result;
}

}  // namespace dponnx

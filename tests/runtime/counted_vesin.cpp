// SPDX-License-Identifier: LGPL-3.0-or-later
// libvesin (DPONNX_REAL_VESIN) with its searches counted, for tests/test_kept_list.py.
#include <dlfcn.h>
#include <vesin.h>

#include <cstdlib>

namespace {

int searches = 0;
double cutoff = 0;

template <class F>
F* real(F*, const char* name) {
  static void* handle = dlopen(std::getenv("DPONNX_REAL_VESIN"), RTLD_NOW);
  return reinterpret_cast<F*>(dlsym(handle, name));
}

}  // namespace

/// How often neighbours were looked for, and within which distance the last time.
extern "C" int counted_searches() { return searches; }
extern "C" double counted_cutoff() { return cutoff; }

extern "C" int vesin_neighbors(const double (*points)[3], size_t n, const double box[3][3],
                               const bool along[3], VesinDevice device, VesinOptions options,
                               VesinNeighborList* list, const char** error) {
  ++searches;
  cutoff = options.cutoff;
  return real(&vesin_neighbors, "vesin_neighbors")(points, n, box, along, device, options, list,
                                                   error);
}

extern "C" void vesin_free(VesinNeighborList* list) { real(&vesin_free, "vesin_free")(list); }

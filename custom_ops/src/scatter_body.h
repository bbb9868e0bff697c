// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h.

template <int C, class T>
void force(const ScatterArgs<T>& args, int64_t begin, int64_t end, T* force) {
  for (int64_t i = begin; i < end; ++i) {
    T centre[3] = {};
    for (int64_t s = i * args.nnei; s < (i + 1) * args.nnei; ++s) {
      const int32_t j = args.nlist[s];
      if (j < 0) continue;
      T f[3];
      pair_force<C>(args.net_deriv + C * s, args.in_deriv + 3 * C * s, f);
      for (int k = 0; k < 3; ++k) {
        force[3 * int64_t(j) + k] += f[k];
        centre[k] -= f[k];
      }
    }
    for (int k = 0; k < 3; ++k) force[3 * i + k] += centre[k];
  }
}

template <int C, class T>
void virial(const ScatterArgs<T>& args, int64_t begin, int64_t end, T* virial, T* atom_virial) {
  T total[9] = {};
  for (int64_t s = begin * args.nnei; s < end * args.nnei; ++s) {
    const int32_t j = args.nlist[s];
    if (j < 0) continue;
    T f[3];
    pair_force<C>(args.net_deriv + C * s, args.in_deriv + 3 * C * s, f);
    const T* rij = args.rij + 3 * s;
    for (int a = 0; a < 3; ++a) {
      for (int b = 0; b < 3; ++b) {
        const T v = f[a] * rij[b];
        total[3 * a + b] += v;
        if (atom_virial) atom_virial[9 * int64_t(j) + 3 * a + b] += v;
      }
    }
  }
  for (int k = 0; k < 9; ++k) virial[k] += total[k];
}

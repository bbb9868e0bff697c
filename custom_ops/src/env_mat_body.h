// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h.

template <class T>
int find_near(const ListArgs<T>& args, int64_t i, int32_t* index, T* r2) {
  const int32_t* list = args.nlist_in + i * args.nnei_in;
  const T* xi = args.coord + 3 * i;
  int n = 0;
  for (int64_t k = 0; k < args.nnei_in; ++k) {
    const int32_t j = list[k];
    const int32_t safe = j < 0 ? 0 : j;
    index[n] = j;
    r2[n] = square_distance(xi, args.coord + 3 * int64_t(safe));
    // Without branches: about half of a listed shell is beyond rcut, at random.
    n += int(j >= 0) & int(args.atype[safe] >= 0) & int(args.cut.reaches(r2[n]));
  }
  return n;
}

template <class T>
inline int64_t center_row(const EnvMatArgs<T>& args, int64_t i) {
  return args.center ? args.center[i] : args.atype[i];
}

// d = r_j - r_i, one lane a neighbour; from count <= L neighbours on the first one again.
template <class T, class V>
DPONNX_HD void differences(const ListArgs<T>& args, int64_t i, const int32_t* list, int count,
                           V (&d)[3]) {
  constexpr int L = lanes<T, V>;
  T component[3][L];
  for (int l = 0; l < L; ++l) {
    const T* xj = args.coord + 3 * int64_t(list[l < count ? l : 0]);
    for (int k = 0; k < 3; ++k) component[k][l] = xj[k] - args.coord[3 * i + k];
  }
  for (int k = 0; k < 3; ++k) d[k] = load<V>(component[k]);
}

// One lane a neighbour: slots [slot, slot + count) of atom i.
template <int C, class T>
void env_rows_block(const EnvMatArgs<T>& args, int64_t i, int slot, int count) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const int nnei = args.sec[args.ntypes];
  T component[3][L], value[C][L], slope[3 * C][L];
  V d[3], row[C], deriv[3 * C];
  differences(args, i, args.nlist + i * nnei + slot, count, d);
  env_row<T>(d, args.cut, row, deriv);
  for (int k = 0; k < 3; ++k) store(component[k], d[k]);
  for (int c = 0; c < C; ++c) store(value[c], row[c]);
  for (int c = 0; c < 3 * C; ++c) store(slope[c], deriv[c]);

  const int64_t statistics = (center_row(args, i) * nnei + slot) * C;
  const T *avg = args.avg + statistics, *inv_std = args.inv_std + statistics;
  const int64_t first = i * nnei + slot;
  for (int l = 0; l < count; ++l) {
    T* out = args.descrpt + C * (first + l);
    T* dout = args.deriv + 3 * C * (first + l);
    for (int c = 0; c < C; ++c) {
      out[c] = (value[c][l] - avg[C * l + c]) * inv_std[C * l + c];
      for (int k = 0; k < 3; ++k) dout[3 * c + k] = slope[3 * c + k][l] * inv_std[C * l + c];
    }
    for (int k = 0; k < 3; ++k) args.rij[3 * (first + l) + k] = component[k][l];
  }
}

template <int C, class T>
void env_rows(const EnvMatArgs<T>& args, int64_t i) {
  constexpr int L = lanes<T, Wide<T>>;
  const int nnei = args.sec[args.ntypes];
  if (nnei == 0) return;  // no memory behind the pointers
  T* out = args.descrpt + i * nnei * C;
  if (args.atype[i] < 0) {
    __builtin_memset(out, 0, sizeof(T) * C * nnei);
    __builtin_memset(args.deriv + i * nnei * 3 * C, 0, sizeof(T) * 3 * C * nnei);
    __builtin_memset(args.rij + i * nnei * 3, 0, sizeof(T) * 3 * nnei);
    return;
  }
  const int32_t* list = args.nlist + i * nnei;
  const int64_t statistics = center_row(args, i) * nnei * C;
  const T *avg = args.avg + statistics, *inv_std = args.inv_std + statistics;
  for (int t = 0; t < args.ntypes; ++t) {
    const int last = args.sec[t + 1];
    int end = args.sec[t];
    while (end < last && list[end] >= 0) ++end;
    for (int slot = args.sec[t]; slot < end; slot += L) {
      env_rows_block<C>(args, i, slot, end - slot < L ? end - slot : L);
    }
    for (int c = C * end; c < C * last; ++c) out[c] = (T(0) - avg[c]) * inv_std[c];
    __builtin_memset(args.deriv + (i * nnei + end) * 3 * C, 0, sizeof(T) * 3 * C * (last - end));
    __builtin_memset(args.rij + (i * nnei + end) * 3, 0, sizeof(T) * 3 * (last - end));
  }
}

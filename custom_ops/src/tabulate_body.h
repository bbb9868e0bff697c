// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h.
//
// 1. Locate every distinct neighbour of the atom once (row pointer, dx). Runs of bitwise identical
//    neighbours, such as padding, count once with a weight.
// 2. Forward: for a block of output vectors loop over all neighbours with 4 x block accumulators
//    in registers; then the next block. Gradient: per neighbour, over all output vectors.
// 3. In se_atten every neighbour has a gate of [width] numbers, chosen by the types of the pair:
//    G(x_j) becomes G(x_j) (1 + scale_j gate_j).
// 4. Neighbours inside the table and those on the tangent go through separate loops.

/// Neighbours inside the table fill located from the front, those beyond it from the back.
struct Split {
  int inside, beyond;
};

// n inputs x [n] with em [n, C], and with gates where there are any.
template <int C, class T>
Split locate_all(const TableView<T>& table, const T* x, const T* em, int n, bool weighted,
                 Located<T>* located, const Gates<T>& gates = {}) {
  Split split = {0, 0};
  for (int j = 0; j < n;) {
    int next = j + 1;
    while (next < n && same_bits(x + next, x + j, 1) && same_bits(em + C * next, em + C * j, C) &&
           (!gates.rows || gates.index[next] == gates.index[j]) &&
           (!gates.scale || same_bits(gates.scale + next, gates.scale + j, 1))) {
      ++next;
    }
    const Place<T> place = table.grid.place(x[j]);
    const bool inside = place.beyond == T(0);
    Located<T>& at = inside ? located[split.inside++] : located[n - ++split.beyond];
    at.row = table.coef + place.row * table.row_size;
    at.dx = place.dx;
    at.beyond = place.beyond;
    at.first = j;
    at.run = next - j;
    const T weight = weighted ? T(at.run) : T(1);
    for (int c = 0; c < C; ++c) at.em[c] = em[C * j + c] * weight;
    if (gates.rows) {
      at.gate = gates.rows + gates.index[j] * (table.row_size / 6);
      at.gate_scale = gates.scale ? gates.scale[j] : T(1);
    }
    j = next;
  }
  return split;
}

template <class T>
Split locate_atom(const TabulateArgs<T>& args, int64_t i, bool weighted, Located<T>* located) {
  const int64_t first = i * args.nnei;
  Gates<T> gates = args.gates;
  if (gates.rows) gates.index += first;
  if (gates.scale) gates.scale += first;
  return locate_all<4>(args.table, args.em_x + first, args.em + 4 * first,
                       static_cast<int>(args.nnei), weighted, located, gates);
}

// The pointer, hidden from the compiler: otherwise it keeps each sum of an offset and a loop's
// constants in a register of its own, and runs out of them.
template <class T>
DPONNX_HD const T* opaque(const T* p) {
  __asm__("" : "+r"(p));
  return p;
}

// Rows lie anywhere in a table, which the first cache does not hold: this many neighbours ahead.
constexpr int kAhead = 4;

// Asks for this many numbers, which are read soon. With 64-byte vectors it has not been measured.
template <int Numbers, class T>
DPONNX_HD void fetch(const T* p) {
  if (DPONNX_VECTOR_BYTES == 64) return;
  constexpr int kLine = 64 / sizeof(T);
#pragma GCC unroll 16
  for (int at = 0; at < Numbers; at += kLine) __builtin_prefetch(p + at);
}

// acc[c][b] += G em[c] of n neighbours, for N vectors of outputs that begin at offset in a row.
template <bool Tangent, bool Gated, int C, int N, class T, class V>
DPONNX_HD void add_block(const Located<T>* located, int n, int64_t offset, V (&acc)[C][N]) {
  constexpr int L = lanes<T, V>;
  for (int q = 0; q < n; ++q) {
    const Located<T>& at = located[q];
    fetch<6 * N * L>(located[q + kAhead < n ? q + kAhead : q].row + offset);
    const T* p = opaque(at.row + offset);
    const V dx = splat<V>(at.dx);
#pragma GCC unroll 8
    for (int b = 0; b < N; ++b) {
      V a[6], value;
#pragma GCC unroll 6
      for (int k = 0; k < 6; ++k) a[k] = load<V>(p + (6 * b + k) * L);
      if constexpr (Tangent) {
        const V slope = poly5_slope(a, dx, value);
        value += slope * at.beyond;
      } else {
        value = poly5(a, dx);
      }
      if constexpr (Gated) value += value * load<V>(at.gate + offset / 6 + b * L) * at.gate_scale;
#pragma GCC unroll 4
      for (int c = 0; c < C; ++c) acc[c][b] += value * at.em[c];
    }
  }
}

/// The neighbours of one atom, located: [0, inside) in the table, the last ones beyond it.
template <class T>
struct LocatedAtom {
  const Located<T>* located;
  int capacity;
  Split split;
};

template <bool Gated = false, int C, int N, class T, class V>
DPONNX_HD void add_located(const LocatedAtom<T>& atom, int64_t offset, V (&acc)[C][N]) {
  add_block<false, Gated>(atom.located, atom.split.inside, offset, acc);
  if (atom.split.beyond > 0) {
    const Located<T>* beyond = atom.located + atom.capacity - atom.split.beyond;
    add_block<true, Gated>(beyond, atom.split.beyond, offset, acc);
  }
}

// Vectors [first, first + N) of each row of out [C, width].
template <int C, int N, class T, class V>
DPONNX_HD void store_block(const V (&acc)[C][N], int first, int width, T* out) {
  constexpr int L = lanes<T, V>;
#pragma GCC unroll 4
  for (int b = 0; b < N; ++b) {
    const int column = (first + b) * L;
    const int rest = width - column;
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) store_some(out + c * width + column, acc[c][b], rest);
  }
}

template <int C, bool Gated, int N, class T>
void sum_block(const LocatedAtom<T>& atom, int first, int width, T* out) {
  using V = Wide<T>;
  V acc[C][N] = {};
  add_located<Gated>(atom, int64_t(first) * 6 * lanes<T, V>, acc);
  store_block(acc, first, width, out);
}

// out [C, width] = sum over the atom's neighbours of em (outer) G.
template <int C, bool Gated = false, class T>
void sum_located(const LocatedAtom<T>& atom, int width, T* out) {
  constexpr int L = lanes<T, Wide<T>>;
  const int n_vectors = (width + L - 1) / L;
  int v = 0;
  for (; v + DPONNX_BLOCK <= n_vectors; v += DPONNX_BLOCK) {
    sum_block<C, Gated, DPONNX_BLOCK>(atom, v, width, out);
  }
  for (; v < n_vectors; ++v) sum_block<C, Gated, 1>(atom, v, width, out);
}

template <class T, bool Gated>
void tabulate(const TabulateArgs<T>& args, int64_t begin, int64_t end, TabulateScratch<T> scratch) {
  for (int64_t i = begin; i < end; ++i) {
    const Split split = locate_atom(args, i, true, scratch.located);
    const LocatedAtom<T> atom = {scratch.located, static_cast<int>(args.nnei), split};
    sum_located<4, Gated>(atom, args.table.width, args.out + i * 4 * args.table.width);
  }
}

/// What the gradient of the output is to one neighbour: of its em, its input x, its gate's scale.
template <class T>
struct NeighborGrad {
  T em[4], x, scale = 0;
};

// With t = sum_c dy[c] em[c] and gain = 1 + scale gate (1 without gates): em[c] = dy[c] . G gain,
// x = t . G' gain, scale = t . G gate. dy is laid as lay_dy<4> does.
// Accumulators have names: an array of them would end in memory because sum() looks inside.
template <bool Tangent, bool Gated = false, class T>
DPONNX_HD NeighborGrad<T> grad_one(const Located<T>& at, int n_vectors, const T* dy) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const V dx = splat<V>(at.dx);
  const T *p = at.row, *gate = at.gate;
  V value0{}, value1{}, value2{}, value3{}, by_x{}, by_scale{};
  for (int v = 0; v < n_vectors; ++v, p += 6 * L, dy += 4 * L) {
    V a[6], value;
#pragma GCC unroll 6
    for (int k = 0; k < 6; ++k) a[k] = load<V>(p + k * L);
    V slope = poly5_slope(a, dx, value);
    if constexpr (Tangent) value += slope * at.beyond;
    const V dy0 = load<V>(dy), dy1 = load<V>(dy + L);
    const V dy2 = load<V>(dy + 2 * L), dy3 = load<V>(dy + 3 * L);
    const V total = dy0 * at.em[0] + dy1 * at.em[1] + dy2 * at.em[2] + dy3 * at.em[3];
    if constexpr (Gated) {
      const V open = load<V>(gate + v * L), more = open * at.gate_scale;
      by_scale += total * value * open;
      value += value * more;
      slope += slope * more;
    }
    by_x += total * slope;
    value0 += dy0 * value;
    value1 += dy1 * value;
    value2 += dy2 * value;
    value3 += dy3 * value;
  }
  T sums[5];
  const V totals[5] = {value0, value1, value2, value3, by_x};
  sum_each(totals, sums);
  return {{sums[0], sums[1], sums[2], sums[3]}, sums[4], Gated ? sum<T>(by_scale) : T(0)};
}

// dy [C, width] -> [vector][C][lane], padded with zeros as the table is.
template <int C, class T>
void lay_dy(const TableView<T>& table, const T* dy, T* laid) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  for (int v = 0; v < table.n_vectors; ++v) {
    for (int c = 0; c < C; ++c, laid += L) {
      store(laid, load_some<V>(dy + c * table.width + v * L, table.width - v * L));
    }
  }
}

template <bool Tangent, bool Gated, class T>
void grad_copies(const TabulateArgs<T>& args, int64_t i, const Located<T>& at, const T* dy) {
  const NeighborGrad<T> grad = grad_one<Tangent, Gated>(at, args.table.n_vectors, dy);
  for (int64_t j = i * args.nnei + at.first, end = j + at.run; j < end; ++j) {
    args.dem_x[j] = grad.x;
    for (int c = 0; c < 4; ++c) args.dem[4 * j + c] = grad.em[c];
    if (Gated && args.dscale) args.dscale[j] = grad.scale;
  }
}

template <class T, bool Gated>
void tabulate_grad(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                   TabulateScratch<T> scratch) {
  for (int64_t i = begin; i < end; ++i) {
    const Split split = locate_atom(args, i, false, scratch.located);
    lay_dy<4>(args.table, args.dy + i * 4 * args.table.width, scratch.dy);
    for (int q = 0; q < split.inside; ++q) {
      grad_copies<false, Gated>(args, i, scratch.located[q], scratch.dy);
    }
    for (int q = 0; q < split.beyond; ++q) {
      grad_copies<true, Gated>(args, i, scratch.located[args.nnei - 1 - q], scratch.dy);
    }
  }
}

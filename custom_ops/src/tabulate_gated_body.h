// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: tabulation of se_atten, where every neighbour has a gate of [width]
// numbers that the types of the pair choose: G(x_j) becomes G(x_j) (1 + scale_j gate_j), scale_j =
// 1 unless given. Otherwise as tabulate_body.h.

// The gate of a located neighbour of atom i, and its scale.
template <class T>
struct Opening {
  const T* gate;
  T scale;
};

template <class T>
inline Opening<T> opening_of(const TabulateArgs<T>& args, int64_t i, const Located<T>& at) {
  const int64_t j = i * args.nnei + at.first;
  const int64_t size = args.table.row_size / 6;
  return {args.gate + args.gate_index[j] * size, args.gate_scale ? args.gate_scale[j] : T(1)};
}

// What one neighbour adds to outputs [first, first + N) vectors.
template <bool Tangent, int N, class T, class V>
DPONNX_HD void add_gated(const Located<T>& at, const Opening<T>& opening, int first,
                         V (&acc)[4][N]) {
  constexpr int L = lanes<T, V>;
  const T *p = at.row + int64_t(first) * 6 * L, *gate = opening.gate + first * L;
  const V dx = splat<V>(at.dx);
#pragma GCC unroll 4
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
    value += value * load<V>(gate + b * L) * opening.scale;
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) acc[c][b] += value * at.em[c];
  }
}

template <int N, class T>
void tabulate_gated_block(const TabulateArgs<T>& args, int64_t i, const Located<T>* located,
                          Split split, int first) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const int width = args.table.width;
  T* out = args.out + i * 4 * width;
  V acc[4][N] = {};
  for (int q = 0; q < split.inside; ++q) {
    add_gated<false>(located[q], opening_of(args, i, located[q]), first, acc);
  }
  for (int q = 1; q <= split.beyond; ++q) {
    const Located<T>& at = located[args.nnei - q];
    add_gated<true>(at, opening_of(args, i, at), first, acc);
  }
#pragma GCC unroll 4
  for (int b = 0; b < N; ++b) {
    const int column = (first + b) * L;
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) store_some(out + c * width + column, acc[c][b], width - column);
  }
}

template <class T>
void tabulate_gated(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                    TabulateScratch<T> scratch) {
  const int n_vectors = args.table.n_vectors;
  for (int64_t i = begin; i < end; ++i) {
    const Split split = locate_atom(args, i, true, scratch.located);
    int v = 0;
    for (; v + DPONNX_BLOCK <= n_vectors; v += DPONNX_BLOCK) {
      tabulate_gated_block<DPONNX_BLOCK>(args, i, scratch.located, split, v);
    }
    for (; v < n_vectors; ++v) tabulate_gated_block<1>(args, i, scratch.located, split, v);
  }
}

// With t = sum_c dy[c] em[c] and gain = 1 + scale gate: dem[c] = dy[c] . G gain,
// dem_x = t . G' gain, dscale = t . G gate.
template <bool Tangent, class T>
DPONNX_HD void grad_gated(const TabulateArgs<T>& args, int64_t i, const Located<T>& at,
                          const T* dy) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const Opening<T> opening = opening_of(args, i, at);
  const V dx = splat<V>(at.dx), one = splat<V>(T(1));
  const T *p = at.row, *gate = opening.gate;
  V value0{}, value1{}, value2{}, value3{}, by_x{}, by_scale{};
  for (int v = 0; v < args.table.n_vectors; ++v, p += 6 * L, gate += L, dy += 4 * L) {
    V a[6], value;
#pragma GCC unroll 6
    for (int k = 0; k < 6; ++k) a[k] = load<V>(p + k * L);
    const V slope = poly5_slope(a, dx, value);
    if constexpr (Tangent) value += slope * at.beyond;
    const V dy0 = load<V>(dy), dy1 = load<V>(dy + L);
    const V dy2 = load<V>(dy + 2 * L), dy3 = load<V>(dy + 3 * L);
    const V total = dy0 * at.em[0] + dy1 * at.em[1] + dy2 * at.em[2] + dy3 * at.em[3];
    const V open = load<V>(gate), gain = one + open * opening.scale;
    by_x += total * slope * gain;
    by_scale += total * value * open;
    value *= gain;
    value0 += dy0 * value;
    value1 += dy1 * value;
    value2 += dy2 * value;
    value3 += dy3 * value;
  }
  const T dem_x = sum<T>(by_x), dscale = sum<T>(by_scale);
  const T dem[4] = {sum<T>(value0), sum<T>(value1), sum<T>(value2), sum<T>(value3)};
  const int64_t j = i * args.nnei + at.first;
  for (int64_t copy = j; copy < j + at.run; ++copy) {
    args.dem_x[copy] = dem_x;
    if (args.dscale) args.dscale[copy] = dscale;
    for (int c = 0; c < 4; ++c) args.dem[4 * copy + c] = dem[c];
  }
}

template <class T>
void tabulate_gated_grad(const TabulateArgs<T>& args, int64_t begin, int64_t end,
                         TabulateScratch<T> scratch) {
  for (int64_t i = begin; i < end; ++i) {
    const Split split = locate_atom(args, i, false, scratch.located);
    lay_dy<4>(args.table, args.dy + i * 4 * args.table.width, scratch.dy);
    for (int q = 0; q < split.inside; ++q) {
      grad_gated<false>(args, i, scratch.located[q], scratch.dy);
    }
    for (int q = 1; q <= split.beyond; ++q) {
      grad_gated<true>(args, i, scratch.located[args.nnei - q], scratch.dy);
    }
  }
}

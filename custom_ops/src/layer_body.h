// SPDX-License-Identifier: LGPL-3.0-or-later
// Part of kernels_body.h: dense layers, y = residual + idt a(x W + bias), and back.
//
// W lies in panels of kPanelVectors vectors of columns (PanelView); a tile of kTileRows rows of x
// times a panel stays in registers over the whole depth. A panel serves all rows of a part before
// the next one, so it stays in the second cache. Each sum runs over the depth in order, whatever
// the tile: results do not depend on how rows and panels are shared out.

constexpr int kTileRows = DPONNX_VECTOR_BYTES == 64 ? 8 : 4;

// sums [R, C vectors] = x [R rows] times a panel of C vectors.
template <class T, int R, int C>
void tile_product(const T* x, int64_t stride, const T* panel, int64_t depth, T* sums) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  V total[R][C] = {};
  for (int64_t k = 0; k < depth; ++k, panel += C * L) {
    V row[C];
#pragma GCC unroll 3
    for (int c = 0; c < C; ++c) row[c] = load<V>(panel + c * L);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const V of_x = splat<V>(x[r * stride + k]);
#pragma GCC unroll 3
      for (int c = 0; c < C; ++c) total[r][c] += of_x * row[c];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int c = 0; c < C; ++c) store(sums + (r * C + c) * L, total[r][c]);
  }
}

template <class T>
using TileProduct = void(const T*, int64_t, const T*, int64_t, T*);

// That of R rows, R <= most.
template <class T, int R = kTileRows>
TileProduct<T>* tile_of(int rows, int vectors) {
  static_assert(kPanelVectors == 3);
  if constexpr (R > 1) {
    if (rows < R) return tile_of<T, R - 1>(rows, vectors);
  }
  return vectors == 1   ? tile_product<T, R, 1>
         : vectors == 2 ? tile_product<T, R, 2>
                        : tile_product<T, R, 3>;
}

// finish(row, column, lanes that are there, sums of them) for a tile; its lanes are all there in
// `full`.
template <bool full, class T, class F>
DPONNX_HD void finish_tile(const T* sums, int rows, int vectors, int64_t row, int64_t column,
                           int64_t columns, const F& finish) {
  constexpr int L = lanes<T, Wide<T>>;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < vectors; ++c, sums += L) {
      const int64_t at = column + c * L, left = columns - at;
      finish(row + r, at, full || left >= L ? L : static_cast<int>(left), load<Wide<T>>(sums));
    }
  }
}

// x [rows of the part, depth] times the part's panels, tile by tile.
template <class T, class F>
DPONNX_HD void for_tiles(const T* x, const PanelView<T>& w, const LayerPart& part,
                         const F& finish) {
  constexpr int L = lanes<T, Wide<T>>;
  alignas(64) T sums[kTileRows * kPanelVectors * L];
  const int64_t rows = part.row_end - part.row_begin;
  for (int64_t p = part.panel_begin; p < part.panel_end; ++p) {
    const int64_t column = p * kPanelVectors * L, left = w.columns - column;
    const bool full = left >= kPanelVectors * L;
    const int vectors = full ? kPanelVectors : static_cast<int>((left + L - 1) / L);
    for (int64_t at = 0; at < rows; at += kTileRows) {
      const int n = static_cast<int>(rows - at < kTileRows ? rows - at : kTileRows);
      tile_of<T>(n, vectors)(x + at * w.depth, w.depth, w.data + column * w.depth, w.depth, sums);
      const int64_t row = part.row_begin + at;
      if (full) {
        finish_tile<true>(sums, n, kPanelVectors, row, column, w.columns, finish);
      } else {
        finish_tile<false>(sums, n, vectors, row, column, w.columns, finish);
      }
    }
  }
}

template <class T, Activation A>
void layer_with(const LayerArgs<T>& args, const LayerPart& part) {
  using V = Wide<T>;
  for_tiles(args.x + part.row_begin * args.w.depth, args.w, part,
            [&](int64_t row, int64_t column, int n, const V& product) {
              const int64_t at = row * args.w.columns + column;
              V slope;
              V y = activate<A, T>(V(product + load_some<V>(args.bias + column, n)), slope);
              if (args.idt) {
                const V idt = load_some<V>(args.idt + column, n);
                y *= idt, slope *= idt;
              }
              if (args.residual) y += load_some<V>(args.residual + at, n);
              store_some(args.y + at, y, n);
              if (args.slope) store_some(args.slope + at, slope, n);
            });
}

template <class T>
void layer(const LayerArgs<T>& args, const LayerPart& part) {
  using A = Activation;
  constexpr void (*of[])(const LayerArgs<T>&, const LayerPart&) = {
      layer_with<T, A::linear>, layer_with<T, A::tanh>,     layer_with<T, A::relu>,
      layer_with<T, A::relu6>,  layer_with<T, A::softplus>, layer_with<T, A::sigmoid>,
      layer_with<T, A::gelu>,   layer_with<T, A::gelu_tf>,  layer_with<T, A::silu>};
  static_assert(sizeof(of) / sizeof(of[0]) == sizeof(kActivationNames) / sizeof(char*));
  of[static_cast<int>(args.activation)](args, part);
}

// f(place, lanes that are there) for n numbers, vector by vector.
template <class T, class F>
DPONNX_HD void for_vectors(int64_t n, const F& f) {
  constexpr int L = lanes<T, Wide<T>>;
  int64_t at = 0;
  for (; at + L <= n; at += L) f(at, L);
  if (at < n) f(at, static_cast<int>(n - at));
}

// scratch [rows of the part, depth] gets dy slope.
template <class T>
void layer_grad(const LayerGradArgs<T>& args, const LayerPart& part, T* scratch) {
  using V = Wide<T>;
  const int64_t first = part.row_begin * args.w.depth;
  const int64_t size = (part.row_end - part.row_begin) * args.w.depth;
  for_vectors<T>(size, [&](int64_t k, int n) {
    const V of_dy = load_some<V>(args.dy + first + k, n);
    store_some(scratch + k, V(of_dy * load_some<V>(args.slope + first + k, n)), n);
  });
  for_tiles(scratch, args.w, part, [&](int64_t row, int64_t column, int n, const V& product) {
    const int64_t at = row * args.w.columns + column;
    V dx = product;
    if (args.more) dx += load_some<V>(args.more + at, n);
    store_some(args.dx + at, dx, n);
  });
}

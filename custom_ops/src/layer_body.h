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

// x [rows of the part, depth] times the part's panels, tile by tile:
// finish(first row in the part, rows, first column, columns, sums of width `vectors` vectors).
template <class T, class F>
DPONNX_HD void for_tiles(const T* x, const PanelView<T>& w, const LayerPart& part,
                         const F& finish) {
  constexpr int L = lanes<T, Wide<T>>;
  alignas(64) T sums[kTileRows * kPanelVectors * L];
  const int64_t rows = part.row_end - part.row_begin;
  for (int64_t p = part.panel_begin; p < part.panel_end; ++p) {
    const int64_t column = p * kPanelVectors * L, left = w.columns - column;
    const int vectors =
        static_cast<int>(left < kPanelVectors * L ? (left + L - 1) / L : kPanelVectors);
    for (int64_t row = 0; row < rows; row += kTileRows) {
      const int n = static_cast<int>(rows - row < kTileRows ? rows - row : kTileRows);
      tile_of<T>(n, vectors)(x + row * w.depth, w.depth, w.data + column * w.depth, w.depth, sums);
      for (int r = 0; r < n; ++r) {
        for (int c = 0; c < vectors; ++c) {
          const int64_t at = column + c * L;
          const int64_t here = w.columns - at;
          finish(part.row_begin + row + r, at, static_cast<int>(here < L ? here : L),
                 load<Wide<T>>(sums + (r * vectors + c) * L));
        }
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
  switch (args.activation) {
    case Activation::linear:
      return layer_with<T, Activation::linear>(args, part);
    case Activation::tanh:
      return layer_with<T, Activation::tanh>(args, part);
    case Activation::relu:
      return layer_with<T, Activation::relu>(args, part);
    case Activation::relu6:
      return layer_with<T, Activation::relu6>(args, part);
    case Activation::softplus:
      return layer_with<T, Activation::softplus>(args, part);
    case Activation::sigmoid:
      return layer_with<T, Activation::sigmoid>(args, part);
    case Activation::gelu:
      return layer_with<T, Activation::gelu>(args, part);
    case Activation::gelu_tf:
      return layer_with<T, Activation::gelu_tf>(args, part);
    case Activation::silu:
      return layer_with<T, Activation::silu>(args, part);
  }
}

// scratch [rows of the part, depth] gets dy slope.
template <class T>
void layer_grad(const LayerGradArgs<T>& args, const LayerPart& part, T* scratch) {
  using V = Wide<T>;
  constexpr int L = lanes<T, V>;
  const int64_t first = part.row_begin * args.w.depth;
  const int64_t size = (part.row_end - part.row_begin) * args.w.depth;
  for (int64_t k = 0; k < size; k += L) {
    const int n = static_cast<int>(size - k < L ? size - k : L);
    const V of_dy = load_some<V>(args.dy + first + k, n);
    store_some(scratch + k, V(of_dy * load_some<V>(args.slope + first + k, n)), n);
  }
  for_tiles(scratch, args.w, part, [&](int64_t row, int64_t column, int n, const V& product) {
    const int64_t at = row * args.w.columns + column;
    V dx = product;
    if (args.more) dx += load_some<V>(args.more + at, n);
    store_some(args.dx + at, dx, n);
  });
}

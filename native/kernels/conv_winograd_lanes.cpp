// Convolution of stride 1 with 3 x 3 or 5 x 5 kernels by Winograd's algorithm (winograd.h), for few channels: images
// are the lanes, as in conv_lanes.cpp, so that transforms are plain arithmetic on vectors and no channel is padded.
//
// A whole transformed tile is nine times (5 x 5) what it was made of and would cross the caches twice. So only the
// columns are transformed in memory; the register tile transforms the rows it reads and those it writes. The weight
// gradient, where both factors would have to be transformed for each product, leaves its rows as they are.
//
// One thread computes a block of images; conv.cpp deals the blocks out.
#include <optional>

#include "conv.h"
#include "lanes.h"
#include "winograd.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr int ROWS = REGISTERS == 32 ? 4 : 2;  // channels of a register tile, each with a sum for 6 places

// A block of images, tiled. Transformed columns lie as [place][channel][row][tile of the row], each a vector.
template <class T, int TAP> struct Tiled {
  static constexpr int OUT = IN + 1 - TAP;
  ConvShape s;
  long tile_columns, tiles;  // of an image
  long width, height;        // of the padded image that the tiles cover
  long y_width, y_height;    // of the output that they cover
  long row;                  // numbers of a row of transformed columns
  long x_plane, x_place;     // of a channel, of all channels
  long y_plane, y_place;     // the same of the output

  explicit Tiled(const ConvShape& shape) : s(shape) {
    const long tile_rows = pieces(s.oh, OUT);
    tile_columns = pieces(s.ow, OUT);
    tiles = tile_rows * tile_columns;
    y_width = tile_columns * OUT;
    y_height = tile_rows * OUT;
    width = y_width + TAP - 1;
    height = y_height + TAP - 1;
    row = tile_columns * LANES<T>;
    x_plane = height * row;
    y_plane = y_height * row;
    x_place = s.c * x_plane + LANES<T>;  // a vector more, against aliasing
    y_place = s.o * y_plane + LANES<T>;
  }

  // Where tile t begins in a channel.
  long at(long t) const { return t / tile_columns * OUT * row + t % tile_columns * LANES<T>; }
  static long padded(long channels) { return pieces(channels, LANES<T>) * LANES<T>; }
  long images(long n) const { return smaller(LANES<T>, s.n - n); }
  // Where pixel i of an image lies in the padded one, and number i of the output in what the tiles cover.
  void fill_pixels(long* map) const {
    for (long i = 0; i < s.h * s.w; i++) map[i] = (i / s.w + s.ph) * width + i % s.w + s.pw;
  }
  void fill_positions(long* map) const {
    for (long i = 0; i < s.oh * s.ow; i++) map[i] = i / s.ow * y_width + i % s.ow;
  }
};

// What a block needs in scratch: one plane of pixels or positions, its map, and all transformed columns.
template <class T, int TAP> struct Block {
  const Tiled<T, TAP>& g;
  Scratch<T> pixels, positions, x, y;
  Scratch<long> pixel_map, position_map;

  explicit Block(const Tiled<T, TAP>& tiled)
      : g(tiled),
        pixels(g.width * g.height * LANES<T>),
        positions(g.y_width * g.y_height * LANES<T>),
        x(IN * g.x_place),
        y(IN * g.y_place),
        pixel_map(g.s.h * g.s.w),
        position_map(g.s.oh * g.s.ow) {
    g.fill_pixels(pixel_map);
    g.fill_positions(position_map);
    memset(positions, 0, g.y_width * g.y_height * LANES<T> * sizeof(T));
  }

  // B^T along the rows of images n ...
  void load_x(const T* from, long n) const {
    const long size = g.s.h * g.s.w;
    memset(pixels, 0, g.width * g.height * LANES<T> * sizeof(T));  // the padding; store_gradient leaves numbers there
    for (long c = 0; c < g.s.c; c++) {
      interleave<T>(from + (n * g.s.c + c) * size, g.s.c * size, g.images(n), size, pixels, pixel_map);
      T* to = x + c * g.x_plane;
      for (long row = 0; row < g.height; row++)
        for (long t = 0; t < g.tile_columns; t++, to += LANES<T>) {
          const T* in = pixels + (row * g.width + t * g.OUT) * LANES<T>;
          Vec<T> d[IN], v[IN];
          for (int k = 0; k < IN; k++) d[k] = load(in + k * LANES<T>);
          input_transform(d, 1, v, 1);
          for (int k = 0; k < IN; k++) store(to + k * g.x_place, v[k]);
        }
    }
  }
  // A along the rows of the output gradient.
  void load_gradient(const T* from, long n) const {
    const long size = g.s.oh * g.s.ow;
    for (long o = 0; o < g.s.o; o++) {
      interleave<T>(from + (n * g.s.o + o) * size, g.s.o * size, g.images(n), size, positions, position_map);
      T* to = y + o * g.y_plane;
      for (long row = 0; row < g.y_height; row++)
        for (long t = 0; t < g.tile_columns; t++, to += LANES<T>) {
          const T* in = positions + (row * g.y_width + t * g.OUT) * LANES<T>;
          Vec<T> d[Tiled<T, TAP>::OUT], z[IN];
          for (int k = 0; k < g.OUT; k++) d[k] = load(in + k * LANES<T>);
          gradient_transform<Tiled<T, TAP>::OUT>(d, 1, z, 1);
          for (int k = 0; k < IN; k++) store(to + k * g.y_place, z[k]);
        }
    }
  }
  // A^T along the rows, plus bias.
  void store_y(const T* bias, T* out, long n) const {
    const long size = g.s.oh * g.s.ow;
    for (long o = 0; o < g.s.o; o++) {
      const T* from = y + o * g.y_plane;
      const Vec<T> shift = bias ? splat(bias[o]) : Vec<T>{};
      for (long row = 0; row < g.y_height; row++)
        for (long t = 0; t < g.tile_columns; t++, from += LANES<T>) {
          T* to = positions + (row * g.y_width + t * g.OUT) * LANES<T>;
          Vec<T> m[IN], d[Tiled<T, TAP>::OUT];
          for (int k = 0; k < IN; k++) m[k] = load(from + k * g.y_place);
          output_transform<Tiled<T, TAP>::OUT>(m, 1, d, 1);
          for (int k = 0; k < g.OUT; k++) store(to + k * LANES<T>, d[k] + shift);
        }
      separate<T>(positions, position_map, out + (n * g.s.o + o) * size, g.s.o * size, g.images(n), size);
    }
  }
  // B along the rows; tiles overlap, and what they share adds up.
  void store_gradient(T* gx, long n) const {
    const long size = g.s.h * g.s.w;
    for (long c = 0; c < g.s.c; c++) {
      const T* from = x + c * g.x_plane;
      for (long row = 0; row < g.height; row++) {
        Vec<T> carried[TAP - 1] = {};
        T* to = pixels + row * g.width * LANES<T>;
        for (long t = 0; t < g.tile_columns; t++, from += LANES<T>, to += g.OUT * LANES<T>) {
          Vec<T> v[IN], d[IN];
          for (int k = 0; k < IN; k++) v[k] = load(from + k * g.x_place);
          input_gradient_transform(v, 1, d, 1);
          for (int k = 0; k < TAP - 1; k++) d[k] += carried[k];
          for (int k = 0; k < g.OUT; k++) store(to + k * LANES<T>, d[k]);
          for (int k = 0; k < TAP - 1; k++) carried[k] = d[g.OUT + k];
        }
        for (int k = 0; k < TAP - 1; k++) store(to + k * LANES<T>, carried[k]);
      }
      separate<T>(pixels, pixel_map, gx + (n * g.s.c + c) * size, g.s.c * size, g.images(n), size);
    }
  }
};

// out[channel][row] = A^T of the sums over planes of u[plane][row place][channel] * v[plane][row place], down the rows.
// BACK, to the gradient of the input, it is B of those sums, and tiles overlap and add up; what it reads are the rows
// of the output gradient, whose transform is short enough for the registers.
template <class T, int TAP, bool BACK, int R>
void row_tile(const T* in, long in_plane, long in_row, long depth, const T* u, long u_row, T* out, long out_plane,
              long out_row) {
  constexpr int OUT = Tiled<T, TAP>::OUT, READ = BACK ? OUT : IN, WRITTEN = BACK ? IN : OUT;
  Vec<T> sum[R][IN] = {};
  for (long plane = 0; plane < depth; plane++, in += in_plane) {
    Vec<T> rows[IN], v[IN];
    NPT_UNROLL for (int i = 0; i < READ; i++) rows[i] = load(in + i * in_row);
    if constexpr (BACK) gradient_transform<OUT>(rows, 1, v, 1);
    NPT_UNROLL for (int k = 0; k < IN; k++, u += u_row) {
      Vec<T> vk = BACK ? v[k] : rows[k];
      if (R > 1) keep(vk);
      NPT_UNROLL for (int r = 0; r < R; r++) sum[r][k] += splat(u[r]) * vk;
    }
  }
  NPT_UNROLL for (int r = 0; r < R; r++) {
    Vec<T> y[WRITTEN];
    if constexpr (BACK) input_gradient_transform(sum[r], 1, y, 1);
    else output_transform<OUT>(sum[r], 1, y, 1);
    NPT_UNROLL for (int i = 0; i < WRITTEN; i++) {
      T* to = out + r * out_plane + i * out_row;
      store(to, BACK ? load(to) + y[i] : y[i]);
    }
  }
}
template <class T, int TAP, bool BACK> auto row_tile_for(long channels) {
  constexpr decltype(&row_tile<T, TAP, BACK, 1>) all[] = {row_tile<T, TAP, BACK, 1>, row_tile<T, TAP, BACK, 2>,
                                                          row_tile<T, TAP, BACK, ROWS - 1>,
                                                          row_tile<T, TAP, BACK, ROWS>};
  return all[channels - 1];
}

// All tiles of a block, from transformed columns to transformed columns: of x to those of y, and BACK.
template <class T, int TAP> void multiply(const Tiled<T, TAP>& g, const T* x, const T* u, T* y) {
  const long groups = pieces(g.s.o, ROWS), u_row = g.padded(g.s.o);
  Scratch<T> rows(g.s.c * IN * LANES<T>);  // of one tile, transformed for all groups: they stay in the first cache
  for (long place = 0; place < IN; place++)
    for (long t = 0; t < g.tiles; t++) {
      const T* from = x + place * g.x_place + g.at(t);
      for (long c = 0; c < g.s.c; c++, from += g.x_plane) {
        Vec<T> d[IN], v[IN];
        for (int i = 0; i < IN; i++) d[i] = load(from + i * g.row);
        input_transform(d, 1, v, 1);
        for (int k = 0; k < IN; k++) store(rows + (c * IN + k) * LANES<T>, v[k]);
      }
      for (long group = 0; group < groups; group++) {
        const long o = cut(g.s.o, groups, group), count = cut(g.s.o, groups, group + 1) - o;
        row_tile_for<T, TAP, false>(count)(rows, IN * LANES<T>, LANES<T>, g.s.c, u + place * g.s.c * IN * u_row + o,
                                           u_row, y + place * g.y_place + o * g.y_plane + g.at(t), g.y_plane, g.row);
      }
    }
}
template <class T, int TAP> void multiply_back(const Tiled<T, TAP>& g, const T* y, const T* u, T* x) {
  const long groups = pieces(g.s.c, ROWS), u_row = g.padded(g.s.c);
  for (long place = 0; place < IN; place++)
    for (long t = 0; t < g.tiles; t++)
      for (long group = 0; group < groups; group++) {
        const long c = cut(g.s.c, groups, group), count = cut(g.s.c, groups, group + 1) - c;
        row_tile_for<T, TAP, true>(count)(y + place * g.y_place + g.at(t), g.y_plane, g.row, g.s.o,
                                          u + place * g.s.o * IN * u_row + c, u_row,
                                          x + place * g.x_place + c * g.x_plane + g.at(t), g.x_plane, g.row);
      }
}

// u[column place][plane][row place][channel] = G g G^T; w is where plane 0 and channel 0 have their kernel, and strides
// lead to the next.
template <class T, int TAP>
void transform_weights(const T* w, long depth, long plane_stride, long channels, long channel_stride, T* u) {
  const long padded = Tiled<T, TAP>::padded(channels);
  for (long plane = 0; plane < depth; plane++)
    for (long c = 0; c < channels; c += LANES<T>) {
      Vec<T> out[PLACES];
      transform_kernels<T, TAP>(w + plane * plane_stride + c * channel_stride, channel_stride,
                                smaller(LANES<T>, channels - c), false, out);
      for (int k = 0; k < PLACES; k++) store(u + ((k % IN * depth + plane) * IN + k / IN) * padded + c, out[k]);
    }
}

template <class T, int TAP> void forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const Tiled<T, TAP> g(s);
  const Block<T, TAP> block(g);
  Scratch<T> u(PLACES * s.c * g.padded(s.o));
  transform_weights<T, TAP>(w, s.c, TAP * TAP, s.o, s.c * TAP * TAP, u);
  for (long n = 0; n < s.n; n += LANES<T>) {
    block.load_x(x, n);
    multiply<T, TAP>(g, block.x, u, block.y);
    block.store_y(bias, y, n);
  }
}

// The sums of LANES vectors over their lanes, side by side.
template <int S, class V> NPT_INLINE V sum_each(V* r) {
  if constexpr (S == 0) {
    return r[0];
  } else {
    NPT_UNROLL for (int i = 0; i < S; i++) r[i] =
        butterfly_low<S>(r[i], r[i + S], LaneIndices<V>{}) + butterfly_high<S>(r[i], r[i + S], LaneIndices<V>{});
    return sum_each<S / 2>(r);
  }
}

// A tile of sums: SUM_ROWS output channels x SUM_TAPS (input channel, kernel row) pairs, which fill whole vectors.
constexpr int SUM_ROWS = 4, SUM_TAPS = REGISTERS == 32 ? 4 : 2, SUMS = SUM_ROWS * SUM_TAPS;

// sums[i * SUM_TAPS + j] += sum over vectors p and their lanes of z[i][p] * v[offsets[j]][p].
template <class T, int R, int J>
void sum_tile(const T* z, long z_plane, const T* v, const long* offsets, long vectors, T* sums) {
  Vec<T> sum[SUMS] = {};
  const T* vs[J];
  NPT_UNROLL for (int j = 0; j < J; j++) vs[j] = v + offsets[j];
  for (long p = 0; p < vectors * LANES<T>; p += LANES<T>) {
    Vec<T> zi[R];
    NPT_UNROLL for (int i = 0; i < R; i++) zi[i] = load(z + i * z_plane + p);
    NPT_UNROLL for (int j = 0; j < J; j++) {
      Vec<T> vj = load(vs[j] + p);
      if (R > 1) keep(vj);
      NPT_UNROLL for (int i = 0; i < R; i++) sum[i * SUM_TAPS + j] += zi[i] * vj;
    }
  }
  NPT_UNROLL for (int i = 0; i < SUMS; i += LANES<T>) store(sums + i, load(sums + i) + sum_each<LANES<T> / 2>(sum + i));
}
template <class T> using SumTileFunction = void (*)(const T*, long, const T*, const long*, long, T*);
template <class T, int... I> constexpr SumTileFunction<T> sum_tile_at(long index, std::integer_sequence<int, I...>) {
  constexpr SumTileFunction<T> all[] = {sum_tile<T, I / SUM_TAPS + 1, I % SUM_TAPS + 1>...};
  return all[index];
}

// The sums of a weight gradient over blocks of images.
template <class T, int TAP> class WeightSums {
 public:
  explicit WeightSums(const Tiled<T, TAP>& tiled)
      : g(tiled),
        taps(g.s.c * TAP),
        rows(pieces(g.s.o, SUM_ROWS)),
        columns(pieces(taps, SUM_TAPS)),
        place(rows * columns * SUMS),
        sums(IN * place),
        offsets(taps) {
    memset(sums, 0, IN * place * sizeof(T));
    for (long k = 0; k < taps; k++) offsets[k] = k / TAP * g.x_plane + k % TAP * g.row;
  }

  void add(const Block<T, TAP>& block) const {
    for (long k = 0; k < IN; k++)
      for (long row = 0; row < rows; row++)
        for (long column = 0; column < columns; column++) {
          const long o = row * SUM_ROWS, os = smaller(SUM_ROWS, g.s.o - o);
          const long tap = column * SUM_TAPS, ts = smaller(SUM_TAPS, taps - tap);
          sum_tile_at<T>((os - 1) * SUM_TAPS + ts - 1, std::make_integer_sequence<int, SUMS>{})(
              block.y + k * g.y_place + o * g.y_plane, g.y_plane, block.x + k * g.x_place, offsets + tap,
              g.s.oh * g.tile_columns, sums + k * place + (row * columns + column) * SUMS);
        }
  }

  void give(T* gw) const {
    for (long row = 0; row < rows; row++)
      for (long column = 0; column < columns; column++)
        for (long i = 0; i < SUMS; i += LANES<T>) {
          Vec<T> u[IN], t[TAP];
          for (int k = 0; k < IN; k++) u[k] = load(sums + k * place + (row * columns + column) * SUMS + i);
          weight_transform<TAP>(u, 1, t, 1);
          for (long l = 0; l < LANES<T>; l++) {
            const long o = row * SUM_ROWS + (i + l) / SUM_TAPS, tap = column * SUM_TAPS + (i + l) % SUM_TAPS;
            if (o >= g.s.o || tap >= taps) continue;
            for (int b = 0; b < TAP; b++) gw[(o * taps + tap) * TAP + b] = t[b][l];
          }
        }
  }

 private:
  const Tiled<T, TAP>& g;
  const long taps, rows, columns, place;
  const Scratch<T> sums;  // [place][rows][columns][SUM_ROWS][SUM_TAPS]
  const Scratch<long> offsets;
};

// Of the input where there is a gx, of the weight where there is a gw: together they transform gy once.
template <class T, int TAP> void gradients(const ConvShape& s, const T* x, const T* w, const T* gy, T* gx, T* gw) {
  const Tiled<T, TAP> g(s);
  const Block<T, TAP> block(g);
  const Scratch<T> u(gx ? PLACES * s.o * g.padded(s.c) : 0);
  if (gx) transform_weights<T, TAP>(w, s.o, s.c * TAP * TAP, s.c, TAP * TAP, u);
  std::optional<WeightSums<T, TAP>> sums;
  if (gw) sums.emplace(g);
  for (long n = 0; n < s.n; n += LANES<T>) {
    block.load_gradient(gy, n);
    if (gw) {
      block.load_x(x, n);
      sums->add(block);
    }
    if (gx) {
      memset(block.x, 0, IN * g.x_place * sizeof(T));
      multiply_back<T, TAP>(g, block.y, u, block.x);
      block.store_gradient(gx, n);
    }
  }
  if (gw) sums->give(gw);
}

}  // namespace

template <class T> void winograd_lanes_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  forward<T, 3>(s, x, w, bias, y);
}
template <class T>
void winograd_lanes_gradients(const ConvShape& s, const T* x, const T* w, const T* gy, T* gx, T* gw) {
  s.kh == 3 ? gradients<T, 3>(s, x, w, gy, gx, gw) : gradients<T, 5>(s, x, w, gy, gx, gw);
}

NPT_BOTH_TYPES(winograd_lanes_forward)
NPT_BOTH_TYPES(winograd_lanes_gradients)

}  // namespace nptorch::NPT_ISA

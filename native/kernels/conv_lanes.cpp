// Convolution with images as lanes: blocks of 16 (8, 4) images are interleaved in scratch, position by position, so
// that every kernel size, stride, dilation and width fills the vectors. The interleaving is a square transpose in
// registers.
//
// On one thread a block is interleaved, computed and put back while it is in the cache; on several all blocks are
// interleaved first, so that tasks can share a block.
#include "conv.h"
#include "lanes.h"

namespace nptorch::NPT_ISA {
namespace {

template <class T> struct Lanes {
  ConvShape s;
  long channels, outputs;       // of one group
  long taps, depth, weights;    // kernel positions; channels * taps; weights of one group
  long height, width, pixels;   // the padded image
  long positions;               // of the output
  long blocks, x_size, y_size;  // blocks of images; numbers in one interleaved block
  int threads;
  long wave;  // blocks in scratch at a time
  bool padded;

  explicit Lanes(const ConvShape& shape) : s(shape) {
    channels = s.c / s.groups;
    outputs = s.o / s.groups;
    taps = s.kh * s.kw;
    depth = channels * taps;
    weights = outputs * depth;
    height = s.h + 2 * s.ph;
    width = s.w + 2 * s.pw;
    pixels = height * width;
    positions = s.oh * s.ow;
    blocks = pieces(s.n, LANES<T>);
    x_size = s.c * pixels * LANES<T>;
    y_size = s.o * positions * LANES<T>;
    threads = conv_threads(s);
    wave = threads == 1 ? 1 : blocks;
    padded = s.ph || s.pw;
  }

  long images(long block) const { return smaller(LANES<T>, s.n - block * LANES<T>); }
  long wave_end(long begin) const { return smaller(blocks, begin + wave); }
  // Into how many tasks the work on one group of one block is cut, when it has `most` independent pieces.
  long splits(long most) const { return threads == 1 ? 1 : smaller(most, pieces(4 * threads, blocks * s.groups)); }

  // Where image pixel i lies in the padded image.
  void fill_pixels(long* map) const {
    for (long h = 0; h < s.h; h++)
      for (long w = 0; w < s.w; w++) *map++ = (h + s.ph) * width + w + s.pw;
  }
  void fill_positions(long* at) const {
    for (long h = 0; h < s.oh; h++)
      for (long w = 0; w < s.ow; w++) *at++ = (h * s.sh * width + w * s.sw) * LANES<T>;
  }
  void fill_offsets(long* offsets) const {
    for (long c = 0; c < channels; c++)
      for (long a = 0; a < s.kh; a++)
        for (long b = 0; b < s.kw; b++) *offsets++ = (c * pixels + a * s.dh * width + b * s.dw) * LANES<T>;
  }
};

// Channel c of block `block` of x, into that channel's place of the padded interleaved block.
template <class T> void load_channel(const Lanes<T>& g, const T* x, long block, long c, T* out, const long* map) {
  const long image = g.s.h * g.s.w, stride = g.s.c * image;
  out += c * g.pixels * LANES<T>;
  if (g.padded) memset(out, 0, g.pixels * LANES<T> * sizeof(T));
  interleave(x + block * LANES<T> * stride + c * image, stride, g.images(block), image, out, g.padded ? map : nullptr);
}

// Output channels [begin, end) of block `block` of the output gradient.
template <class T> void load_gradient(const Lanes<T>& g, const T* gy, long block, long begin, long end, T* out) {
  const long stride = g.s.o * g.positions;
  interleave(gy + block * LANES<T> * stride + begin * g.positions, stride, g.images(block), (end - begin) * g.positions,
             out + begin * g.positions * LANES<T>, nullptr);
}

}  // namespace

template <class T> void lanes_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const Lanes<T> g(s);
  const long rows = pieces(g.outputs, CONV_ROWS), splits = g.splits(rows), bundles = pieces(g.positions, CONV_VECTORS);
  Scratch<T> xs(g.wave * g.x_size), ys(g.wave * g.y_size), packed(s.groups * g.weights);
  Scratch<long> map(s.h * s.w), in_at(g.positions), offsets(g.depth);
  g.fill_pixels(map);
  g.fill_positions(in_at);
  g.fill_offsets(offsets);
  for (long group = 0; group < s.groups; group++) {
    const T* from = w + group * g.weights;
    pack_weights(packed + group * g.weights, g.outputs, g.depth, [&](long o, long k) { return from[o * g.depth + k]; });
  }
  for (long first = 0; first < g.blocks; first += g.wave) {
    const long count = g.wave_end(first) - first;
    parallel_for(count * s.c,
                 [&](long t) { load_channel<T>(g, x, first + t / s.c, t % s.c, xs + t / s.c * g.x_size, map); });
    parallel_for(count * s.groups * splits, [&](long t) {
      const long split = t % splits, group = t / splits % s.groups, block = t / splits / s.groups;
      const T* in = xs + block * g.x_size + group * g.channels * g.pixels * LANES<T>;
      T* out = ys + block * g.y_size + group * g.outputs * g.positions * LANES<T>;
      const long row_begin = cut(rows, splits, split), row_end = cut(rows, splits, split + 1);
      for (long bundle = 0; bundle < bundles; bundle++) {
        const long p = cut(g.positions, bundles, bundle), vectors = cut(g.positions, bundles, bundle + 1) - p;
        const T* in_vectors[CONV_VECTORS];
        T* out_vectors[CONV_VECTORS];
        for (long j = 0; j < vectors; j++) {
          in_vectors[j] = in + in_at[p + j];
          out_vectors[j] = out + (p + j) * LANES<T>;
        }
        for (long row = row_begin; row < row_end; row++) {
          const long o = cut(g.outputs, rows, row), n = cut(g.outputs, rows, row + 1) - o;
          long out_offsets[CONV_ROWS];
          for (long i = 0; i < n; i++) out_offsets[i] = (o + i) * g.positions * LANES<T>;
          const T* shift = bias ? bias + group * g.outputs + o : nullptr;
          conv_tile_for<T, false>(n, vectors)({in_vectors, offsets, g.depth, packed + group * g.weights + o * g.depth,
                                               shift, out_vectors, out_offsets});
        }
      }
      const long begin = cut(g.outputs, rows, row_begin), end = cut(g.outputs, rows, row_end),
                 stride = s.o * g.positions;
      separate<T>(out + begin * g.positions * LANES<T>, nullptr,
                  y + (first + block) * LANES<T> * stride + (group * g.outputs + begin) * g.positions, stride,
                  g.images(first + block), (end - begin) * g.positions);
    });
  }
}

// Scatters: each (channel, kernel position) adds its weighted sum over the output channels to the pixels it was read
// from.
template <class T> void lanes_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx) {
  const Lanes<T> g(s);
  const long splits = g.splits(g.channels), bundles = pieces(g.positions, CONV_VECTORS);
  Scratch<T> gys(g.wave * g.y_size), gxs(g.wave * g.x_size), packed(s.groups * g.weights);
  Scratch<long> map(s.h * s.w), out_at(g.positions), offsets(g.depth), in_offsets(g.outputs);
  g.fill_pixels(map);
  g.fill_positions(out_at);
  g.fill_offsets(offsets);
  for (long o = 0; o < g.outputs; o++) in_offsets[o] = o * g.positions * LANES<T>;
  auto first_channel = [&](long split) { return cut(g.channels, splits, split); };
  for (long group = 0; group < s.groups; group++)
    for (long split = 0; split < splits; split++) {
      const long begin = first_channel(split) * g.taps, end = first_channel(split + 1) * g.taps;
      const T* from = w + group * g.weights + begin;
      pack_weights(packed + group * g.weights + begin * g.outputs, end - begin, g.outputs,
                   [&](long k, long o) { return from[o * g.depth + k]; });
    }
  for (long first = 0; first < g.blocks; first += g.wave) {
    const long count = g.wave_end(first) - first, loads = g.threads == 1 ? 1 : smaller(s.o, 4);
    parallel_for(count * loads, [&](long t) {
      load_gradient<T>(g, gy, first + t / loads, cut(s.o, loads, t % loads), cut(s.o, loads, t % loads + 1),
                       gys + t / loads * g.y_size);
    });
    parallel_for(count * s.groups * splits, [&](long t) {
      const long split = t % splits, group = t / splits % s.groups, block = t / splits / s.groups;
      const long c_begin = first_channel(split), c_end = first_channel(split + 1), depth = (c_end - c_begin) * g.taps;
      const T* in = gys + block * g.y_size + group * g.outputs * g.positions * LANES<T>;
      T* out = gxs + block * g.x_size + group * g.channels * g.pixels * LANES<T>;
      memset(out + c_begin * g.pixels * LANES<T>, 0, (c_end - c_begin) * g.pixels * LANES<T> * sizeof(T));
      const T* weights = packed + group * g.weights + c_begin * g.taps * g.outputs;
      const long rows = pieces(depth, CONV_ROWS);
      for (long bundle = 0; bundle < bundles; bundle++) {
        const long p = cut(g.positions, bundles, bundle), vectors = cut(g.positions, bundles, bundle + 1) - p;
        const T* in_vectors[CONV_VECTORS];
        T* out_vectors[CONV_VECTORS];
        for (long j = 0; j < vectors; j++) {
          in_vectors[j] = in + (p + j) * LANES<T>;
          out_vectors[j] = out + out_at[p + j];
        }
        for (long row = 0; row < rows; row++) {
          const long k = cut(depth, rows, row), n = cut(depth, rows, row + 1) - k;
          conv_tile_for<T, true>(n, vectors)({in_vectors, in_offsets, g.outputs, weights + k * g.outputs, nullptr,
                                              out_vectors, offsets + c_begin * g.taps + k});
        }
      }
      const long image = s.h * s.w;
      for (long c = c_begin; c < c_end; c++)
        separate<T>(out + c * g.pixels * LANES<T>, g.padded ? +map : nullptr,
                    gx + ((first + block) * LANES<T> * s.c + group * g.channels + c) * image, s.c * image,
                    g.images(first + block), image);
    });
  }
}

template <class T> void lanes_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw) {
  const Lanes<T> g(s);
  const long rows = pieces(g.outputs, CONV_ROWS), columns = pieces(g.depth, CONV_TAPS);
  // Each part sums a run of blocks; within it tasks share the output channels.
  const long parts = smaller(g.blocks, g.threads), splits = g.splits(rows), all = s.groups * g.weights;
  Scratch<T> xs(g.wave * g.x_size), gys(g.wave * g.y_size), sums(parts * all * LANES<T>);
  Scratch<long> map(s.h * s.w), in_at(g.positions), offsets(g.depth);
  g.fill_pixels(map);
  g.fill_positions(in_at);
  g.fill_offsets(offsets);
  for (long first = 0; first < g.blocks; first += g.wave) {
    const long count = g.wave_end(first) - first, loads = s.c + (g.threads == 1 ? 1 : smaller(s.o, 4)),
               gradient_loads = loads - s.c;
    parallel_for(count * loads, [&](long t) {
      const long block = t / loads, i = t % loads - s.c;
      if (i < 0) load_channel<T>(g, x, first + block, t % loads, xs + block * g.x_size, map);
      else
        load_gradient<T>(g, gy, first + block, cut(s.o, gradient_loads, i), cut(s.o, gradient_loads, i + 1),
                         gys + block * g.y_size);
    });
    const long runs = smaller(parts, count);
    parallel_for(runs * s.groups * splits, [&](long t) {
      const long split = t % splits, group = t / splits % s.groups, run = t / splits / s.groups;
      const long begin = cut(count, runs, run), end = cut(count, runs, run + 1);
      const T* in = xs + begin * g.x_size + group * g.channels * g.pixels * LANES<T>;
      const T* gradient = gys + begin * g.y_size + group * g.outputs * g.positions * LANES<T>;
      T* out = sums + (run * all + group * g.weights) * LANES<T>;
      for (long row = cut(rows, splits, split); row < cut(rows, splits, split + 1); row++)
        for (long column = 0; column < columns; column++) {
          const long o = cut(g.outputs, rows, row), os = cut(g.outputs, rows, row + 1) - o;
          const long k = cut(g.depth, columns, column), ks = cut(g.depth, columns, column + 1) - k;
          weight_tile_for<T>(os, ks)({in, gradient + o * g.positions * LANES<T>, in_at, offsets + k, g.positions,
                                      end - begin, g.x_size, g.y_size, g.positions * LANES<T>,
                                      out + (o * g.depth + k) * LANES<T>, g.depth * LANES<T>, first > 0});
        }
    });
  }
  sum_parts<T>(gw, all, sums, parts);
}

NPT_BOTH_TYPES(lanes_forward)
NPT_BOTH_TYPES(lanes_input_gradient)
NPT_BOTH_TYPES(lanes_weight_gradient)

}  // namespace nptorch::NPT_ISA

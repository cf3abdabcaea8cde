// Convolution along output rows: a vector holds neighbours of one row, so that every input vector is one plain load
// from a padded copy of the image. With a column stride s the copy holds each row as s runs of every s-th column.
#include "conv.h"

namespace nptorch::NPT_ISA {
namespace {

template <class T> struct Rows {
  ConvShape s;
  long channels, outputs;   // of one group
  long taps, depth;         // kernel positions; channels * taps
  long run, pitch, height;  // the padded copy: columns of one run, of one row; rows
  long plane;               // one channel of the copy
  long vectors, out_pitch;  // vectors of an output row; its length where the tiles store it
  bool in_place;            // the image itself serves as the padded copy
  bool direct;              // tiles store into y itself; else rows are shorter than a vector and are copied there

  explicit Rows(const ConvShape& shape, bool always_copy = false) : s(shape) {
    channels = s.c / s.groups;
    outputs = s.o / s.groups;
    taps = s.kh * s.kw;
    depth = channels * taps;
    run = s.ow + s.dw * (s.kw - 1) / s.sw;
    pitch = run * s.sw;
    height = (s.oh - 1) * s.sh + s.dh * (s.kh - 1) + 1;
    vectors = pieces(s.ow, LANES<T>);
    direct = s.ow >= LANES<T>;
    out_pitch = direct ? s.ow : LANES<T>;
    in_place = !always_copy && direct && s.sw == 1 && s.ph == 0 && s.pw == 0 && pitch == s.w && height <= s.h;
    plane = in_place ? s.h * s.w : height * pitch;
  }

  long positions() const { return s.oh * vectors; }
  // Where the vector starts in its row: the last of a row moves back to end with the row, overlapping the one before.
  long start(long vector) const { return direct ? smaller(vector * LANES<T>, s.ow - LANES<T>) : 0; }

  void fill_offsets(long* offsets) const {
    for (long c = 0; c < channels; c++)
      for (long a = 0; a < s.kh; a++)
        for (long b = 0; b < s.kw; b++) {
          const long column = b * s.dw;
          *offsets++ = c * plane + a * s.dh * pitch + column % s.sw * run + column / s.sw;
        }
  }

  // Columns [0, run) of one run of a padded row; `row` is the image's row.
  void copy_run(const T* row, long phase, T* out) const {
    if (s.sw == 1) {
      const long begin = larger(0, smaller(run, s.pw)), end = larger(begin, smaller(run, s.pw + s.w));
      for (long i = 0; i < begin; i++) out[i] = 0;
      const T* from = row - s.pw;
      each_vector<T>(begin, end,
                     [&](long i, auto lanes) NPT_LAMBDA { store_upto(out + i, lanes, load_upto(from + i, lanes)); });
      for (long i = end; i < run; i++) out[i] = 0;
      return;
    }
    for (long i = 0; i < run; i++) {
      const long column = i * s.sw + phase - s.pw;
      out[i] = column >= 0 && column < s.w ? row[column] : T(0);
    }
  }

  // The padded copy of one group of an image; the vector behind it is read, never used, when rows are short.
  void pad(const T* image, T* out) const {
    for (long c = 0; c < channels; c++)
      for (long r = 0; r < height; r++, out += pitch) {
        const long row = r - s.ph;
        if (row < 0 || row >= s.h) memset(out, 0, pitch * sizeof(T));
        else
          for (long phase = 0; phase < s.sw; phase++) copy_run(image + (c * s.h + row) * s.w, phase, out + phase * run);
      }
    memset(out, 0, 2 * LANES<T> * sizeof(T));
  }
  long padded_size() const { return channels * height * pitch + 2 * LANES<T>; }
};

// y = conv(x, packed weights): `packed` as pack_weights leaves it, one group after another.
template <class T> void forward(const Rows<T>& g, const T* x, const T* packed, const T* bias, T* y) {
  const ConvShape& s = g.s;
  const long positions = g.positions(), bundles = pieces(positions, CONV_VECTORS),
             groups = pieces(g.outputs, CONV_ROWS);
  const long images = s.n * s.groups;
  const int threads = conv_threads(s);
  // Fewer images than threads: several tasks share an image, each with channels of its own.
  const long splits = threads == 1 || images >= threads ? 1 : smaller(groups, pieces(2 * threads, images));
  const long tasks = threads == 1 ? 1 : splits > 1 ? images * splits : smaller(images, 4 * threads);
  parallel_for(tasks, [&](long t) {
    Scratch<T> copy(g.in_place ? 1 : g.padded_size()), rows(g.direct ? 1 : g.outputs * s.oh * LANES<T>);
    Scratch<long> offsets(g.depth), in_at(positions), out_at(positions);
    g.fill_offsets(offsets);
    for (long r = 0, v = 0; r < s.oh; r++)
      for (long i = 0; i < g.vectors; i++, v++) {
        in_at[v] = r * s.sh * g.pitch + g.start(i);
        out_at[v] = r * g.out_pitch + g.start(i);
      }
    const long channel_stride = s.oh * g.out_pitch, split = t % splits;
    for (long i = cut(images * splits, tasks, t); i < cut(images * splits, tasks, t + 1); i++) {
      const long image = i / splits / s.groups, group = i / splits % s.groups;
      const T* source = x + (image * s.c + group * g.channels) * s.h * s.w;
      if (!g.in_place) g.pad(source, copy);
      const T* in = g.in_place ? source : copy;
      T* result = y + (image * s.o + group * g.outputs) * s.oh * s.ow;
      T* out = g.direct ? result : rows;
      const T* weights = packed + group * g.outputs * g.depth;
      for (long bundle = 0; bundle < bundles; bundle++) {
        const long v = cut(positions, bundles, bundle), count = cut(positions, bundles, bundle + 1) - v;
        const T* in_vectors[CONV_VECTORS];
        T* out_vectors[CONV_VECTORS];
        for (long j = 0; j < count; j++) {
          in_vectors[j] = in + in_at[v + j];
          out_vectors[j] = out + out_at[v + j];
        }
        for (long k = cut(groups, splits, split); k < cut(groups, splits, split + 1); k++) {
          const long o = cut(g.outputs, groups, k), n = cut(g.outputs, groups, k + 1) - o;
          long out_offsets[CONV_ROWS];
          for (long j = 0; j < n; j++) out_offsets[j] = (o + j) * channel_stride;
          conv_tile_for<T, false>(n, count)({in_vectors, offsets, g.depth, weights + o * g.depth,
                                             bias ? bias + group * g.outputs + o : nullptr, out_vectors, out_offsets});
        }
      }
      if (!g.direct) {
        const long begin = cut(g.outputs, groups, cut(groups, splits, split)),
                   end = cut(g.outputs, groups, cut(groups, splits, split + 1));
        for (long row = begin * s.oh; row < end * s.oh; row++)
          store_some(result + row * s.ow, s.ow, load(rows + row * LANES<T>));
      }
    }
  });
}

}  // namespace

template <class T> void rows_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const Rows<T> g(s);
  Scratch<T> packed(s.o * g.depth);
  for (long group = 0; group < s.groups; group++) {
    const T* from = w + group * g.outputs * g.depth;
    pack_weights(packed + group * g.outputs * g.depth, g.outputs, g.depth,
                 [&](long o, long k) { return from[o * g.depth + k]; });
  }
  forward<T>(g, x, packed, bias, y);
}

// The gradient of x is a convolution too: of the padded output gradient with the flipped, transposed weights.
template <class T> void rows_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx) {
  const ConvShape flipped{
      s.n,  s.o,  s.oh,     s.ow, s.c, s.kh, s.kw, 1, 1, s.dh * (s.kh - 1) - s.ph, s.dw * (s.kw - 1) - s.pw,
      s.dh, s.dw, s.groups, s.h,  s.w};
  const Rows<T> g(flipped);
  const long taps = g.taps, in = g.outputs, out = g.channels;
  Scratch<T> packed(s.c * g.depth);
  for (long group = 0; group < s.groups; group++) {
    const T* from = w + group * in * g.depth;
    pack_weights(packed + group * in * g.depth, in, out * taps,
                 [&](long c, long k) { return from[(k / taps * in + c) * taps + taps - 1 - k % taps]; });
  }
  forward<T>(g, gy, packed, nullptr, gx);
}

template <class T> void rows_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw) {
  // Copies even where the image could serve: the last vectors of an image read past its end.
  const Rows<T> g(s, true);
  const long positions = g.positions(), weights = g.outputs * g.depth;
  const long x_size = (g.padded_size() + LANES<T> - 1) / LANES<T> * LANES<T>, g_size = g.outputs * positions * LANES<T>;
  const long at_once =
      larger(1, smaller(8, 65536 / (x_size + g_size)));  // images whose copies stay in the cache together
  const long parts = smaller(s.n, conv_threads(s));
  Scratch<T> sums(parts * weights * LANES<T>);
  for (long group = 0; group < s.groups; group++) {
    parallel_for(parts, [&](long t) {
      Scratch<T> copies(x_size * at_once), gradients(g_size * at_once);
      Scratch<long> offsets(g.depth), in_at(positions);
      g.fill_offsets(offsets);
      // A gradient row is padded to whole vectors, so the last one needs not move back: its extra lanes are zeros.
      for (long r = 0, v = 0; r < s.oh; r++)
        for (long i = 0; i < g.vectors; i++, v++) in_at[v] = r * s.sh * g.pitch + i * LANES<T>;
      const long first = cut(s.n, parts, t), end = cut(s.n, parts, t + 1);
      for (long n = first; n < end; n += at_once) {
        const long images = smaller(at_once, end - n);
        for (long m = 0; m < images; m++) {
          g.pad(x + ((n + m) * s.c + group * g.channels) * s.h * s.w, copies + m * x_size);
          const T* from = gy + ((n + m) * s.o + group * g.outputs) * s.oh * s.ow;
          T* to = gradients + m * g_size;
          for (long row = 0; row < g.outputs * s.oh; row++, from += s.ow)
            for (long i = 0; i < s.ow; i += LANES<T>, to += LANES<T>) store(to, load_upto(from + i, s.ow - i));
        }
        const long rows = pieces(g.outputs, CONV_ROWS), columns = pieces(g.depth, CONV_TAPS);
        for (long i = 0; i < rows; i++)
          for (long j = 0; j < columns; j++) {
            const long o = cut(g.outputs, rows, i), os = cut(g.outputs, rows, i + 1) - o;
            const long k = cut(g.depth, columns, j), ks = cut(g.depth, columns, j + 1) - k;
            weight_tile_for<T>(
                os, ks)({copies, gradients + o * positions * LANES<T>, in_at, offsets + k, positions, images, x_size,
                         g_size, positions * LANES<T>, sums + (t * weights + o * g.depth + k) * LANES<T>,
                         g.depth * LANES<T>, n > first});
          }
      }
    });
    sum_parts<T>(gw + group * weights, weights, sums, parts);
  }
}

NPT_BOTH_TYPES(rows_forward)
NPT_BOTH_TYPES(rows_input_gradient)
NPT_BOTH_TYPES(rows_weight_gradient)

}  // namespace nptorch::NPT_ISA

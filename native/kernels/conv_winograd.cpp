// 3 x 3 convolution of stride 1 by Winograd's F(4 x 4, 3 x 3) (winograd.h), for many channels: vectors hold channels.
// Six image rows at a time are turned channels-last in scratch, transformed, multiplied and turned back while they are
// in the cache.
#include "conv.h"
#include "gemm.h"
#include "winograd.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr int OUT = 4, TAP = 3;
constexpr long RUN_BYTES = 64 << 20;

template <class T> struct Winograd {
  long n, in, out;  // images, channels
  long h, w, oh, ow, ph, pw;
  long in_padded, out_padded;    // channels up to whole vectors
  long tile_columns, tile_rows;  // tiles of an image
  bool shared;              // so many channels that the transformed kernels leave the cache: all threads share a run
  long run, runs;           // the most rows of tiles (of all images) in scratch at a time; how many runs there are
  long most;                // tiles of a run
  long v_stride, m_stride;  // between the places of a tile; a cache line more than needed, against aliasing

  Winograd(long n_, long in_, long out_, long h_, long w_, long oh_, long ow_, long ph_, long pw_)
      : n(n_), in(in_), out(out_), h(h_), w(w_), oh(oh_), ow(ow_), ph(ph_), pw(pw_) {
    in_padded = pieces(in, LANES<T>) * LANES<T>;
    out_padded = pieces(out, LANES<T>) * LANES<T>;
    tile_columns = pieces(ow, OUT);
    tile_rows = pieces(oh, OUT);
    shared = PLACES * in_padded * out_padded * sizeof(T) > KERNELS_IN_CACHE;
    // Alone a task takes what stays in its cache; together they take as much as amortises a pass over all kernels.
    const long tiles = shared ? RUN_BYTES / long(PLACES * (in + out) * sizeof(T)) : in + out <= 256 ? 32 : 64;
    const long rows = n * tile_rows, threads = shared ? 1 : available_threads();
    runs = smaller(rows, pieces(rows, threads * larger(1, tiles / tile_columns)) * threads);
    run = pieces(rows, runs);
    most = run * tile_columns;
    v_stride = most * in_padded + LANES<T>;
    m_stride = most * out_padded + LANES<T>;
  }
  long first(long r) const { return cut(n * tile_rows, runs, r); }
  long end(long r) const { return first(r + 1); }
};

// Turns rows [row, row + count) x columns [column, column + width) of an image (channels, h, w) channels-last, with
// zeros where they leave the image: out[i][j][channel].
template <class T>
void turn(const T* image, long channels, long h, long w, long row, long count, long column, long width, T* out) {
  const long padded = pieces(channels, LANES<T>) * LANES<T>;
  const long begin = larger(0, -column), end = larger(begin, smaller(width, w - column));
  for (long i = 0; i < count; i++, out += width * padded) {
    if (row + i < 0 || row + i >= h) {
      memset(out, 0, width * padded * sizeof(T));
      continue;
    }
    memset(out, 0, begin * padded * sizeof(T));
    memset(out + end * padded, 0, (width - end) * padded * sizeof(T));
    const T* from = image + (row + i) * w + column;
    for (long c = 0; c < channels; c += LANES<T>) {
      const long rows = smaller(LANES<T>, channels - c);
      for (long j = begin; j < end; j += LANES<T>) {
        Vec<T> r[LANES<T>];
        const long columns = smaller(LANES<T>, end - j);
        for (long l = 0; l < LANES<T>; l++) r[l] = l < rows ? load_upto(from + (c + l) * h * w + j, columns) : Vec<T>{};
        transpose(r);
        for (long l = 0; l < columns; l++) store(out + (j + l) * padded + c, r[l]);
      }
    }
  }
}

// The way back for rows [row, row + count) of the output, cut at its edges, plus bias.
template <class T>
void turn_back(const T* in, long width, long channels, long h, long w, long row, long count, const T* bias, T* image) {
  const long padded = pieces(channels, LANES<T>) * LANES<T>;
  for (long i = 0; i < smaller(count, h - row); i++)
    for (long c = 0; c < channels; c += LANES<T>)
      for (long j = 0; j < w; j += LANES<T>) {
        Vec<T> r[LANES<T>];
        const long columns = smaller(LANES<T>, w - j), rows = smaller(LANES<T>, channels - c);
        const Vec<T> shift = bias ? load_upto(bias + c, rows) : Vec<T>{};
        for (long l = 0; l < LANES<T>; l++)
          r[l] = l < columns ? load(in + (i * width + j + l) * padded + c) + shift : Vec<T>{};
        transpose(r);
        for (long l = 0; l < rows; l++) store_upto(image + ((c + l) * h + row + i) * w + j, columns, r[l]);
      }
}

// Rows of tiles [begin, end) of the run that starts at row `first`: v[place][tile][channel].
template <class T> void transform_input(const Winograd<T>& g, const T* x, long first, long begin, long end, T* v) {
  const long width = g.tile_columns * OUT + IN - OUT, padded = g.in_padded;
  Scratch<T> rows(IN * width * padded);
  for (long r = begin; r < end; r++) {
    turn<T>(x + r / g.tile_rows * g.in * g.h * g.w, g.in, g.h, g.w, r % g.tile_rows * OUT - g.ph, IN, -g.pw, width,
            rows);
    for (long tile = 0; tile < g.tile_columns; tile++)
      for (long c = 0; c < padded; c += LANES<T>) {
        Vec<T> d[PLACES], t[PLACES];
        for (int i = 0; i < PLACES; i++) d[i] = load(rows + (i / IN * width + tile * OUT + i % IN) * padded + c);
        NPT_TRANSFORM_2D(input_transform, IN, IN, d, t);
        T* to = v + ((r - first) * g.tile_columns + tile) * padded + c;
        for (int i = 0; i < PLACES; i++) store(to + i * g.v_stride, t[i]);
      }
  }
}

template <class T>
void transform_output(const Winograd<T>& g, const T* m, long first, long begin, long end, const T* bias, T* y) {
  const long width = g.tile_columns * OUT, padded = g.out_padded;
  Scratch<T> rows(OUT * width * padded);
  for (long r = begin; r < end; r++) {
    for (long tile = 0; tile < g.tile_columns; tile++)
      for (long c = 0; c < padded; c += LANES<T>) {
        Vec<T> s[PLACES], t[OUT * OUT];
        const T* from = m + ((r - first) * g.tile_columns + tile) * padded + c;
        for (int i = 0; i < PLACES; i++) s[i] = load(from + i * g.m_stride);
        NPT_TRANSFORM_2D(output_transform<OUT>, IN, OUT, s, t);
        for (int i = 0; i < OUT * OUT; i++) store(rows + (i / OUT * width + tile * OUT + i % OUT) * padded + c, t[i]);
      }
    turn_back<T>(rows, width, g.out, g.oh, g.ow, r % g.tile_rows * OUT, OUT, bias,
                 y + r / g.tile_rows * g.out * g.oh * g.ow);
  }
}

// body(begin, end, v, m) for every run of rows of tiles, with scratch for its transformed tiles. Runs are tasks of
// their own, inside of which nothing is parallel any more, or follow one another while the threads share each.
template <class T, class F> void each_run(const Winograd<T>& g, F body) {
  auto one = [&](long r) {
    Scratch<T> v(PLACES * g.v_stride), m(PLACES * g.m_stride);
    body(g.first(r), g.end(r), +v, +m);
  };
  if (g.shared)
    for (long r = 0; r < g.runs; r++) one(r);
  else parallel_for(g.runs, one);
}

// y = conv(x, kernels); w is where the first kernel lies, and the strides lead to those of the next input channel
// (plane) and output channel.
template <class T>
void forward(const Winograd<T>& g, const T* x, const T* w, long plane_stride, long channel_stride, bool flipped,
             const T* bias, T* y) {
  const Panels<T> panels(g.out_padded);
  const long place = g.in_padded * g.out_padded;
  Scratch<T> u(PLACES * place);  // [place], each packed for multiply_panel
  parallel_for(g.in_padded, [&](long c) {
    for (long p = 0; p < panels.count; p++)
      for (long j = 0; j < panels.width(p); j++) {
        Vec<T> t[PLACES];
        const long column = panels.column(p) + j * LANES<T>, lanes = c < g.in ? smaller(LANES<T>, g.out - column) : 0;
        transform_kernels<T, TAP>(w + c * plane_stride + column * channel_stride, channel_stride, lanes, flipped, t);
        T* to = u + panels.offset(p, g.in_padded) + (c * panels.width(p) + j) * LANES<T>;
        for (int i = 0; i < PLACES; i++) store(to + i * place, t[i]);
      }
  });
  auto multiply = [&](long i, long p, long tiles, const T* v, T* m) {
    multiply_panel<T>(panels, p, {v + i * g.v_stride, g.in_padded, 1}, 0, tiles,
                      u + i * place + panels.offset(p, g.in_padded), panels.width(p) * LANES<T>, g.in_padded,
                      m + i * g.m_stride + panels.column(p), g.out_padded, {});
  };
  each_run(g, [&](long begin, long end, T* v, T* m) {
    const long tiles = (end - begin) * g.tile_columns, products = PLACES * panels.count;
    parallel_for(end - begin, [&](long r) { transform_input<T>(g, x, begin, begin + r, begin + r + 1, v); });
    parallel_for(products, [&](long t) { multiply(t / panels.count, t % panels.count, tiles, v, m); });
    parallel_for(end - begin, [&](long r) { transform_output<T>(g, m, begin, begin + r, begin + r + 1, bias, y); });
  });
}

// The same of the output gradient: z[place][tile][channel] = A gy A^T.
template <class T> void transform_gradient(const Winograd<T>& g, const T* gy, long first, long begin, long end, T* z) {
  const long width = g.tile_columns * OUT, padded = g.out_padded;
  Scratch<T> rows(OUT * width * padded);
  for (long r = begin; r < end; r++) {
    turn<T>(gy + r / g.tile_rows * g.out * g.oh * g.ow, g.out, g.oh, g.ow, r % g.tile_rows * OUT, OUT, 0, width, rows);
    for (long tile = 0; tile < g.tile_columns; tile++)
      for (long c = 0; c < padded; c += LANES<T>) {
        Vec<T> y[OUT * OUT], t[PLACES];
        for (int i = 0; i < OUT * OUT; i++) y[i] = load(rows + (i / OUT * width + tile * OUT + i % OUT) * padded + c);
        NPT_TRANSFORM_2D(gradient_transform<OUT>, OUT, IN, y, t);
        T* to = z + ((r - first) * g.tile_columns + tile) * padded + c;
        for (int i = 0; i < PLACES; i++) store(to + i * g.m_stride, t[i]);
      }
  }
}

}  // namespace

template <class T> void winograd_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const Winograd<T> g(s.n, s.c, s.o, s.h, s.w, s.oh, s.ow, s.ph, s.pw);
  forward<T>(g, x, w, TAP * TAP, s.c * TAP * TAP, false, bias, y);
}

template <class T> void winograd_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx) {
  const Winograd<T> g(s.n, s.o, s.c, s.oh, s.ow, s.h, s.w, 2 - s.ph, 2 - s.pw);
  forward<T>(g, gy, w, s.c * TAP * TAP, TAP * TAP, true, nullptr, gx);
}

template <class T> void winograd_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw) {
  const Winograd<T> g(s.n, s.c, s.o, s.h, s.w, s.oh, s.ow, s.ph, s.pw);
  const Panels<T> panels(g.out_padded);
  const long place = g.in_padded * g.out_padded, parts = g.shared ? 1 : smaller(g.runs, available_threads());
  Scratch<T> sums(parts * PLACES * place);  // [part][place][in][out]
  auto add_run = [&](long part, long r, bool add) {
    Scratch<T> v(PLACES * g.v_stride), z(PLACES * g.m_stride);
    const long begin = g.first(r), end = g.end(r), tiles = (end - begin) * g.tile_columns;
    parallel_for(end - begin, [&](long i) { transform_input<T>(g, x, begin, begin + i, begin + i + 1, v); });
    parallel_for(end - begin, [&](long i) { transform_gradient<T>(g, gy, begin, begin + i, begin + i + 1, z); });
    parallel_for(PLACES * panels.count, [&](long t) {
      const long i = t / panels.count, p = t % panels.count;
      multiply_panel<T>(panels, p, {v + i * g.v_stride, 1, g.in_padded}, 0, g.in_padded,
                        z + i * g.m_stride + panels.column(p), g.out_padded, tiles,
                        sums + (part * PLACES + i) * place + panels.column(p), g.out_padded, {add});
    });
  };
  auto add_part = [&](long part) {
    const long begin = cut(g.runs, parts, part);
    for (long r = begin; r < cut(g.runs, parts, part + 1); r++) add_run(part, r, r > begin);
  };
  if (g.shared) add_part(0);
  else parallel_for(parts, add_part);
  parallel_for(s.c, [&](long c) {
    for (long o = 0; o < s.o; o += LANES<T>) {
      Vec<T> u[PLACES], t[TAP * TAP];
      for (int i = 0; i < PLACES; i++) {
        u[i] = Vec<T>{};
        for (long part = 0; part < parts; part++)
          u[i] += load(sums + ((part * PLACES + i) * g.in_padded + c) * g.out_padded + o);
      }
      NPT_TRANSFORM_2D(weight_transform<TAP>, IN, TAP, u, t);
      for (long l = 0; l < smaller(LANES<T>, s.o - o); l++)
        for (int i = 0; i < TAP * TAP; i++) gw[((o + l) * s.c + c) * 9 + i] = t[i][l];
    }
  });
}

NPT_BOTH_TYPES(winograd_forward)
NPT_BOTH_TYPES(winograd_input_gradient)
NPT_BOTH_TYPES(winograd_weight_gradient)

}  // namespace nptorch::NPT_ISA

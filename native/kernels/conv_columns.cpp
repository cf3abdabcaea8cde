// Convolution as a matrix product over unrolled patches, a bundle of images at a time so that the patches stay in the cache:
// patches (positions, depth) with one row for each output position, y = w @ patches^T.
#include "conv.h"

namespace nptorch::NPT_ISA {
namespace {

template <class T> struct Columns {
  ConvShape s;
  long channels, outputs, depth, positions, image;

  explicit Columns(const ConvShape& shape) : s(shape) {
    channels = s.c / s.groups;
    outputs = s.o / s.groups;
    depth = channels * s.kh * s.kw;
    positions = s.oh * s.ow;
    image = s.h * s.w;
  }
  long tasks() const { return smaller(s.n, conv_threads(s)); }

  // body(row of patches, column of patches, pixel) for every patch element of channel c that lies in the image.
  template <class F> NPT_INLINE void each_tap(long c, F body) const {
    for (long a = 0; a < s.kh; a++)
      for (long b = 0; b < s.kw; b++) {
        const long k = (c * s.kh + a) * s.kw + b;
        for (long i = 0; i < s.oh; i++) {
          const long h = i * s.sh + a * s.dh - s.ph;
          if (h < 0 || h >= s.h) continue;
          for (long j = 0; j < s.ow; j++) {
            const long w = j * s.sw + b * s.dw - s.pw;
            if (w >= 0 && w < s.w) body(k, i * s.ow + j, (c * s.h + h) * s.w + w);
          }
        }
      }
  }
  // Unrolls one group of an image into patches (depth, positions).
  void unroll(const T* x, T* patches) const {
    memset(patches, 0, depth * positions * sizeof(T));
    for (long c = 0; c < channels; c++) each_tap(c, [&](long k, long p, long pixel) { patches[k * positions + p] = x[pixel]; });
  }
  // Adds patches (depth, positions) back to the pixels they came from.
  void fold(const T* patches, T* gx) const {
    memset(gx, 0, channels * image * sizeof(T));
    for (long c = 0; c < channels; c++) each_tap(c, [&](long k, long p, long pixel) { gx[pixel] += patches[k * positions + p]; });
  }
};

}  // namespace

template <class T> void columns_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const Columns<T> g(s);
  parallel_for(s.n * s.groups, [&](long t) {
    const long n = t / s.groups, group = t % s.groups;
    Scratch<T> patches(g.depth * g.positions);
    g.unroll(x + (n * s.c + group * g.channels) * g.image, patches);
    T* out = y + (n * s.o + group * g.outputs) * g.positions;
    gemm<T>({g.outputs, g.positions, g.depth, {w + group * g.outputs * g.depth, g.depth, 1}, {patches, g.positions, 1}, out});
    if (!bias) return;
    for (long o = 0; o < g.outputs; o++)
      for (long p = 0; p < g.positions; p++) out[o * g.positions + p] += bias[group * g.outputs + o];
  });
}

template <class T> void columns_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx) {
  const Columns<T> g(s);
  parallel_for(s.n * s.groups, [&](long t) {
    const long n = t / s.groups, group = t % s.groups;
    Scratch<T> patches(g.depth * g.positions);
    const T* gradient = gy + (n * s.o + group * g.outputs) * g.positions;
    gemm<T>({g.depth, g.positions, g.outputs, {w + group * g.outputs * g.depth, 1, g.depth}, {gradient, g.positions, 1}, patches});
    g.fold(patches, gx + (n * s.c + group * g.channels) * g.image);
  });
}

template <class T> void columns_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw) {
  const Columns<T> g(s);
  const long weights = g.outputs * g.depth, parts = g.tasks();
  Scratch<T> sums(parts * weights);
  for (long group = 0; group < s.groups; group++) {
    parallel_for(parts, [&](long t) {
      Scratch<T> patches(g.depth * g.positions), product(weights);
      T* sum = sums + t * weights;
      const long first = cut(s.n, parts, t);
      for (long n = first; n < cut(s.n, parts, t + 1); n++) {
        g.unroll(x + (n * s.c + group * g.channels) * g.image, patches);
        const T* gradient = gy + (n * s.o + group * g.outputs) * g.positions;
        gemm<T>({g.outputs, g.depth, g.positions, {gradient, g.positions, 1}, {patches, 1, g.positions}, n == first ? sum : +product});
        if (n > first) each_vector<T>(0, weights, [&](long i, auto lanes) { store_upto(sum + i, lanes, load_upto(sum + i, lanes) + load_upto(product + i, lanes)); });
      }
    });
    T* out = gw + group * weights;
    parallel_vectors<T>(weights, [&](long i, auto lanes) {
      Vec<T> total = load_upto(sums + i, lanes);
      for (long p = 1; p < parts; p++) total += load_upto(sums + p * weights + i, lanes);
      store_upto(out + i, lanes, total);
    });
  }
}

NPT_BOTH_TYPES(columns_forward)
NPT_BOTH_TYPES(columns_input_gradient)
NPT_BOTH_TYPES(columns_weight_gradient)

}  // namespace nptorch::NPT_ISA

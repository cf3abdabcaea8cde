// Convolution as a matrix product over unrolled patches: patches (depth, bundle of images x positions), one column for
// each output position. A bundle is large enough for an efficient product, small enough that its patches stay in the
// cache.
#include "conv.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr long BUNDLE_POSITIONS = 192;

template <class T> struct Columns {
  ConvShape s;
  long channels, outputs, depth, positions, image;
  long bundle, bundles;

  explicit Columns(const ConvShape& shape) : s(shape) {
    channels = s.c / s.groups;
    outputs = s.o / s.groups;
    depth = channels * s.kh * s.kw;
    positions = s.oh * s.ow;
    image = s.h * s.w;
    bundles = larger(smaller(s.n, conv_threads(s)), pieces(s.n * positions, BUNDLE_POSITIONS));
    bundles = smaller(bundles, s.n);
    bundle = pieces(s.n, bundles);
    bundles = pieces(s.n, bundle);
  }
  long first(long b) const { return b * bundle; }
  long images(long b) const { return smaller(bundle, s.n - b * bundle); }
  const T* weights_of(const T* w, long group) const { return w + group * outputs * depth; }

  // body(row of patches, position, pixel) for every patch element of one group of an image that lies in the image.
  template <class F> NPT_INLINE void each_tap(F body) const {
    for (long c = 0; c < channels; c++)
      for (long a = 0; a < s.kh; a++)
        for (long b = 0; b < s.kw; b++) {
          const long k = (c * s.kh + a) * s.kw + b;
          // Output columns whose input column j * sw + shift lies in [0, w).
          const long shift = b * s.dw - s.pw, begin = shift < 0 ? pieces(-shift, s.sw) : 0;
          const long end = smaller(s.ow, s.w > shift ? pieces(s.w - shift, s.sw) : 0);
          for (long i = 0; i < s.oh; i++) {
            const long h = i * s.sh + a * s.dh - s.ph;
            if (h < 0 || h >= s.h) continue;
            for (long j = begin; j < end; j++) body(k, i * s.ow + j, (c * s.h + h) * s.w + j * s.sw + shift);
          }
        }
  }
  void unroll(const T* x, long b, long group, T* patches) const {
    const long n = images(b), stride = n * positions;
    memset(patches, 0, depth * stride * sizeof(T));
    for (long m = 0; m < n; m++) {
      const T* from = x + ((first(b) + m) * s.c + group * channels) * image;
      T* to = patches + m * positions;
      each_tap([&](long k, long p, long pixel) { to[k * stride + p] = from[pixel]; });
    }
  }
  // Adds patches back to the pixels they came from.
  void fold(const T* patches, long b, long group, T* gx) const {
    const long n = images(b), stride = n * positions;
    for (long m = 0; m < n; m++) {
      const T* from = patches + m * positions;
      T* to = gx + ((first(b) + m) * s.c + group * channels) * image;
      memset(to, 0, channels * image * sizeof(T));
      each_tap([&](long k, long p, long pixel) { to[pixel] += from[k * stride + p]; });
    }
  }
  // (outputs, images x positions) of a bundle from and to (n, o, oh, ow).
  void gather(const T* y, long b, long group, T* out) const {
    const long n = images(b);
    for (long o = 0; o < outputs; o++)
      for (long m = 0; m < n; m++, out += positions)
        memcpy(out, y + ((first(b) + m) * s.o + group * outputs + o) * positions, positions * sizeof(T));
  }
  void scatter(const T* in, long b, long group, const T* bias, T* y) const {
    const long n = images(b);
    for (long o = 0; o < outputs; o++) {
      const T shift = bias ? bias[group * outputs + o] : T(0);
      for (long m = 0; m < n; m++, in += positions) {
        T* to = y + ((first(b) + m) * s.o + group * outputs + o) * positions;
        for (long p = 0; p < positions; p++) to[p] = in[p] + shift;
      }
    }
  }
};

}  // namespace

template <class T> void columns_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const Columns<T> g(s);
  parallel_for(g.bundles * s.groups, [&](long t) {
    const long b = t / s.groups, group = t % s.groups, stride = g.images(b) * g.positions;
    Scratch<T> patches(g.depth * stride), out(g.outputs * stride);
    g.unroll(x, b, group, patches);
    gemm<T>({g.outputs, stride, g.depth, {g.weights_of(w, group), g.depth, 1}, {patches, stride, 1}, out});
    g.scatter(out, b, group, bias, y);
  });
}

template <class T> void columns_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx) {
  const Columns<T> g(s);
  parallel_for(g.bundles * s.groups, [&](long t) {
    const long b = t / s.groups, group = t % s.groups, stride = g.images(b) * g.positions;
    Scratch<T> patches(g.depth * stride), gradient(g.outputs * stride);
    g.gather(gy, b, group, gradient);
    gemm<T>({g.depth, stride, g.outputs, {g.weights_of(w, group), 1, g.depth}, {gradient, stride, 1}, patches});
    g.fold(patches, b, group, gx);
  });
}

template <class T> void columns_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw) {
  const Columns<T> g(s);
  const long weights = g.outputs * g.depth, parts = smaller(g.bundles, conv_threads(s));
  Scratch<T> sums(parts * weights);
  for (long group = 0; group < s.groups; group++) {
    parallel_for(parts, [&](long t) {
      const long begin = cut(g.bundles, parts, t), end = cut(g.bundles, parts, t + 1), most = g.bundle * g.positions;
      Scratch<T> patches(g.depth * most), gradient(g.outputs * most);
      for (long b = begin; b < end; b++) {
        const long stride = g.images(b) * g.positions;
        g.unroll(x, b, group, patches);
        g.gather(gy, b, group, gradient);
        gemm<T>({g.outputs,
                 g.depth,
                 stride,
                 {gradient, stride, 1},
                 {patches, 1, stride},
                 sums + t * weights,
                 nullptr,
                 b > begin});
      }
    });
    add_parts<T>(gw + group * weights, weights, sums, parts);
  }
}

NPT_BOTH_TYPES(columns_forward)
NPT_BOTH_TYPES(columns_input_gradient)
NPT_BOTH_TYPES(columns_weight_gradient)

}  // namespace nptorch::NPT_ISA

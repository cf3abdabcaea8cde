// Batch normalisation of x (n, c, pixels) over n and pixels. Sums run plane by plane into sums in double, which keeps
// float32 accurate; runs of images are summed in parallel, as many on every machine, so that the threads keep the
// images that they had in the kernels before. Without pixels (n, c) the vectors hold channels, otherwise neighbours in
// an image.
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr long MOST_PARTS = 32;

// body(begin, end) over runs of images.
template <class F> void parallel_images(long n, long tasks, long numbers, F body) {
  if (tasks_for(numbers) == 1) return body(0, n, 0);
  parallel_for(tasks, [&](long t) { body(cut(n, tasks, t), cut(n, tasks, t + 1), t); });
}

// K sums a channel: body(channel, offset, lanes, sums) adds what it finds to K vectors; out is (K, channels).
template <class T, int K, class F> void channel_sums(long n, long channels, long pixels, double* out, F body) {
  const long parts = smaller(n, MOST_PARTS), size = K * channels;
  Scratch<double> partial(parts * size);
  memset(partial, 0, parts * size * sizeof(double));
  parallel_images(n, parts, n * channels * pixels, [&](long begin, long end, long part) {
    for (long i = begin; i < end; i++)
      for (long c = 0; c < channels; c++) {
        Vec<T> sums[K] = {};
        const long start = (i * channels + c) * pixels;
        each_vector<T>(start, start + pixels, [&](long k, auto lanes) NPT_LAMBDA { body(c, k, lanes, sums); });
        for (int k = 0; k < K; k++) partial[part * size + k * channels + c] += double(sum_lanes(sums[k]));
      }
  });
  for (long k = 0; k < size; k++) {
    out[k] = 0;
    for (long part = 0; part < parts; part++) out[k] += partial[part * size + k];
  }
}

// body(channel, offset, lanes) for every vector.
template <class T, class F> void each_plane(long n, long channels, long pixels, F body) {
  parallel_images(n, smaller(n, MOST_PARTS), n * channels * pixels, [&](long begin, long end, long) {
    for (long i = begin; i < end; i++)
      for (long c = 0; c < channels; c++) {
        const long start = (i * channels + c) * pixels;
        each_vector<T>(start, start + pixels, [&](long k, auto lanes) NPT_LAMBDA { body(c, k, lanes); });
      }
  });
}

constexpr long ROWS_OF_A_SUM = 64;

// Column sums of f(row index) over rows [0, n), in two levels.
template <class V, class F> NPT_INLINE V sum_rows(long n, F f) {
  V total = {};
  for (long begin = 0; begin < n; begin += ROWS_OF_A_SUM) {
    V sum = {};
    for (long i = begin; i < smaller(n, begin + ROWS_OF_A_SUM); i++) sum += f(i);
    total += sum;
  }
  return total;
}

template <class T>
void forward_rows(long n, long channels, const T* x, const T* w, const T* b, double eps, T* y, T* mean, T* rstd) {
  each_vector<T>(0, channels, [&](long c, auto lanes) {
    auto at = [&](long i) NPT_LAMBDA { return load_upto(x + i * channels + c, lanes); };
    const Vec<T> center = sum_rows<Vec<T>>(n, at) / T(n);
    const Vec<T> variance =
        sum_rows<Vec<T>>(n, [&](long i) NPT_LAMBDA { return (at(i) - center) * (at(i) - center); }) / T(n);
    const Vec<T> scale = T(1) / vsqrt(variance + T(eps));
    store_upto(mean + c, lanes, center);
    store_upto(rstd + c, lanes, scale);
    const Vec<T> slope = w ? scale * load_upto(w + c, lanes) : scale, shift = b ? load_upto(b + c, lanes) : Vec<T>{};
    for (long i = 0; i < n; i++) store_upto(y + i * channels + c, lanes, (at(i) - center) * slope + shift);
  });
}

// The gradient that arrives, or what a ReLU with this output lets through of it.
template <class T> struct Arriving {
  const T *g, *rectified;
  template <class N> NPT_INLINE Vec<T> at(long i, N lanes) const {
    const Vec<T> v = load_upto(g + i, lanes);
    if (!rectified) return v;
    return load_upto(rectified + i, lanes) <= T(0) ? Vec<T>{} : v;
  }
};

template <class T>
void gradient_rows(long n, long channels, Arriving<T> gy, const T* x, const T* w, const T* mean, const T* rstd, T* gx,
                   T* gw, T* gb) {
  each_vector<T>(0, channels, [&](long c, auto lanes) {
    const Vec<T> center = load_upto(mean + c, lanes), scale = load_upto(rstd + c, lanes);
    auto g = [&](long i) NPT_LAMBDA { return gy.at(i * channels + c, lanes); };
    auto centered = [&](long i) NPT_LAMBDA { return load_upto(x + i * channels + c, lanes) - center; };
    const Vec<T> sum = sum_rows<Vec<T>>(n, g);
    const Vec<T> dot = sum_rows<Vec<T>>(n, [&](long i) NPT_LAMBDA { return g(i) * centered(i); }) * scale;
    store_upto(gw + c, lanes, dot);
    store_upto(gb + c, lanes, sum);
    const Vec<T> slope = w ? scale * load_upto(w + c, lanes) : scale, even = sum / T(n), along = dot * scale / T(n);
    for (long i = 0; i < n; i++) store_upto(gx + i * channels + c, lanes, slope * (g(i) - even - centered(i) * along));
  });
}

}  // namespace

template <class T>
void batch_norm(long n, long channels, long pixels, const T* x, const T* w, const T* b, double eps, T* y, T* mean,
                T* rstd) {
  if (pixels == 1) return forward_rows(n, channels, x, w, b, eps, y, mean, rstd);
  const double count = double(n) * double(pixels);
  Scratch<double> sums(channels);
  Scratch<T> slope(channels), shift(channels);
  channel_sums<T, 1>(n, channels, pixels, sums,
                     [&](long, long i, auto lanes, Vec<T>* sum) NPT_LAMBDA { sum[0] += load_upto(x + i, lanes); });
  for (long c = 0; c < channels; c++) mean[c] = T(sums[c] / count);
  channel_sums<T, 1>(n, channels, pixels, sums, [&](long c, long i, auto lanes, Vec<T>* sum) NPT_LAMBDA {
    const Vec<T> d = first(load_upto(x + i, lanes) - mean[c], lanes);
    sum[0] += d * d;
  });
  for (long c = 0; c < channels; c++) {
    rstd[c] = T(1 / sqrt(sums[c] / count + eps));
    slope[c] = w ? rstd[c] * w[c] : rstd[c];
    shift[c] = b ? b[c] : T(0);
  }
  each_plane<T>(n, channels, pixels, [&](long c, long i, auto lanes) NPT_LAMBDA {
    store_upto(y + i, lanes, (load_upto(x + i, lanes) - mean[c]) * slope[c] + shift[c]);
  });
}

template <class T>
void batch_norm_gradient(long n, long channels, long pixels, const T* gy, const T* x, const T* w, const T* mean,
                         const T* rstd, const T* rectified, T* gx, T* gw, T* gb) {
  const Arriving<T> arriving{gy, rectified};
  if (pixels == 1) return gradient_rows(n, channels, arriving, x, w, mean, rstd, gx, gw, gb);
  const double count = double(n) * double(pixels);
  Scratch<double> sums(2 * channels);
  Scratch<T> slope(channels), even(channels), along(channels);
  channel_sums<T, 2>(n, channels, pixels, sums, [&](long c, long i, auto lanes, Vec<T>* sum) NPT_LAMBDA {
    const Vec<T> g = arriving.at(i, lanes);  // zeros beyond the lanes, so the product needs no mask
    sum[0] += g;
    sum[1] += g * (load_upto(x + i, lanes) - mean[c]);
  });
  for (long c = 0; c < channels; c++) {
    const double dot = sums[channels + c] * rstd[c];
    gb[c] = T(sums[c]);
    gw[c] = T(dot);
    slope[c] = w ? rstd[c] * w[c] : rstd[c];
    even[c] = T(sums[c] / count);
    along[c] = T(dot * rstd[c] / count);
  }
  each_plane<T>(n, channels, pixels, [&](long c, long i, auto lanes) NPT_LAMBDA {
    store_upto(gx + i, lanes,
               slope[c] * (arriving.at(i, lanes) - even[c] - (load_upto(x + i, lanes) - mean[c]) * along[c]));
  });
}

template <class T>
void channel_scale(long n, long channels, long pixels, const T* x, const T* scale, const T* shift, T* y) {
  const long tasks = smaller(n, tasks_for(n * channels * pixels));
  parallel_for(tasks, [&](long t) {
    for (long i = cut(n, tasks, t); i < cut(n, tasks, t + 1); i++) {
      const long start = i * channels * pixels;
      if (pixels == 1)
        each_vector<T>(0, channels, [&](long c, auto lanes) NPT_LAMBDA {
          store_upto(y + start + c, lanes,
                     load_upto(x + start + c, lanes) * load_upto(scale + c, lanes) + load_upto(shift + c, lanes));
        });
      else
        for (long c = 0; c < channels; c++)
          each_vector<T>(start + c * pixels, start + (c + 1) * pixels, [&](long k, auto lanes) NPT_LAMBDA {
            store_upto(y + k, lanes, load_upto(x + k, lanes) * scale[c] + shift[c]);
          });
    }
  });
}

NPT_BOTH_TYPES(batch_norm)
NPT_BOTH_TYPES(batch_norm_gradient)
NPT_BOTH_TYPES(channel_scale)

}  // namespace nptorch::NPT_ISA

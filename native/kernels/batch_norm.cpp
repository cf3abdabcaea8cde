// Batch normalisation of x (n, c, pixels) over n and pixels. Sums run image by image into a second sum, which keeps
// float32 accurate. Without pixels (n, c) the vectors hold channels, otherwise neighbours in an image.
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

// body(offset, lanes) for every vector of channel c; after(...) once an image.
template <class T, class F, class G>
NPT_INLINE void each_image(long n, long channels, long pixels, long c, F body, G after) {
  for (long i = 0; i < n; i++) {
    const long start = (i * channels + c) * pixels;
    each_vector<T>(start, start + pixels, body);
    after();
  }
}
template <class F> void parallel_channels(long n, long channels, long pixels, F body) {
  const long tasks = smaller(channels, tasks_for(n * channels * pixels) == 1 ? 1 : channels);
  parallel_for(tasks, [&](long t) {
    for (long c = cut(channels, tasks, t); c < cut(channels, tasks, t + 1); c++) body(c);
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

template <class T>
void gradient_rows(long n, long channels, const T* gy, const T* x, const T* w, const T* mean, const T* rstd, T* gx,
                   T* gw, T* gb) {
  each_vector<T>(0, channels, [&](long c, auto lanes) {
    const Vec<T> center = load_upto(mean + c, lanes), scale = load_upto(rstd + c, lanes);
    auto g = [&](long i) NPT_LAMBDA { return load_upto(gy + i * channels + c, lanes); };
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
  const T count = T(n) * T(pixels);
  parallel_channels(n, channels, pixels, [&](long c) {
    Vec<T> image = {}, total = {};
    auto finish_image = [&]() NPT_LAMBDA {
      total += image;
      image = Vec<T>{};
    };
    each_image<T>(
        n, channels, pixels, c, [&](long i, auto lanes) NPT_LAMBDA { image += load_upto(x + i, lanes); }, finish_image);
    const T center = sum_lanes(total) / count;
    total = Vec<T>{};
    each_image<T>(
        n, channels, pixels, c,
        [&](long i, auto lanes) NPT_LAMBDA {
          const Vec<T> d = first(load_upto(x + i, lanes) - center, lanes);
          image += d * d;
        },
        finish_image);
    const T scale = T(1) / T(sqrt(double(sum_lanes(total) / count + T(eps))));
    mean[c] = center;
    rstd[c] = scale;
    const T slope = w ? scale * w[c] : scale, shift = b ? b[c] : T(0);
    each_image<T>(
        n, channels, pixels, c,
        [&](long i, auto lanes) NPT_LAMBDA {
          store_upto(y + i, lanes, (load_upto(x + i, lanes) - center) * slope + shift);
        },
        [] {});
  });
}

template <class T>
void batch_norm_gradient(long n, long channels, long pixels, const T* gy, const T* x, const T* w, const T* mean,
                         const T* rstd, T* gx, T* gw, T* gb) {
  if (pixels == 1) return gradient_rows(n, channels, gy, x, w, mean, rstd, gx, gw, gb);
  const T count = T(n) * T(pixels);
  parallel_channels(n, channels, pixels, [&](long c) {
    const T center = mean[c], scale = rstd[c];
    Vec<T> image = {}, image_dot = {}, total = {}, total_dot = {};
    each_image<T>(
        n, channels, pixels, c,
        [&](long i, auto lanes) NPT_LAMBDA {
          const Vec<T> g = load_upto(gy + i, lanes);  // zeros beyond the lanes, so the product needs no mask
          image += g;
          image_dot += g * (load_upto(x + i, lanes) - center);
        },
        [&]() NPT_LAMBDA {
          total += image;
          total_dot += image_dot;
          image = image_dot = Vec<T>{};
        });
    const T sum = sum_lanes(total), dot = sum_lanes(total_dot) * scale;
    gw[c] = dot;
    gb[c] = sum;
    const T slope = w ? scale * w[c] : scale, even = sum / count, along = dot * scale / count;
    each_image<T>(
        n, channels, pixels, c,
        [&](long i, auto lanes) NPT_LAMBDA {
          store_upto(gx + i, lanes,
                     slope * (load_upto(gy + i, lanes) - even - (load_upto(x + i, lanes) - center) * along));
        },
        [] {});
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

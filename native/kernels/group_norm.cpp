// Group normalisation of x (n, c, pixels): each image's groups of neighbouring channels by themselves. A group is small
// enough to stay in a near cache between the passes.
#include "kernels.h"
#include "sum_runs.h"

namespace nptorch::NPT_ISA {
namespace {

// body(group of an image, its first channel)
template <class F> void parallel_groups(const GroupShape& s, F body) {
  const long groups = s.n * s.groups, tasks = smaller(groups, tasks_for(s.n * s.c * s.pixels));
  parallel_for(tasks, [&](long t) {
    for (long i = cut(groups, tasks, t); i < cut(groups, tasks, t + 1); i++) body(i, i % s.groups * (s.c / s.groups));
  });
}

}  // namespace

template <class T>
void group_norm(const GroupShape& s, const T* x, const T* w, const T* b, double eps, T* y, T* mean, T* rstd) {
  const long channels = s.c / s.groups, size = channels * s.pixels;
  parallel_groups(s, [&](long i, long first_channel) {
    const T* in = x + i * size;
    const T center =
        T(sum_runs<T>(size, [&](long k, auto lanes) NPT_LAMBDA { return load_upto(in + k, lanes); }) / size);
    const double variance = sum_runs<T>(size,
                                        [&](long k, auto lanes) NPT_LAMBDA {
                                          const Vec<T> d = first(load_upto(in + k, lanes) - center, lanes);
                                          return d * d;
                                        }) /
                            size;
    const T scale = T(1 / sqrt(variance + eps));
    mean[i] = center;
    rstd[i] = scale;
    for (long c = 0; c < channels; c++) {
      const T slope = w ? scale * w[first_channel + c] : scale, shift = b ? b[first_channel + c] : T(0);
      each_vector<T>(c * s.pixels, (c + 1) * s.pixels, [&](long k, auto lanes) NPT_LAMBDA {
        store_upto(y + i * size + k, lanes, (load_upto(in + k, lanes) - center) * slope + shift);
      });
    }
  });
}

template <class T>
void group_norm_gradient(const GroupShape& s, const T* gy, const T* x, const T* w, const T* mean, const T* rstd, T* gx,
                         T* gw, T* gb) {
  const long channels = s.c / s.groups, size = channels * s.pixels;
  // Of each channel of each image: the sums of g and of g * (x - mean) * rstd.
  Scratch<double> sums(s.n * s.c), dots(s.n * s.c);
  parallel_groups(s, [&](long i, long first_channel) {
    const T *g_in = gy + i * size, *x_in = x + i * size, *weight = w ? w + first_channel : nullptr;
    const T center = mean[i], scale = rstd[i];
    double even = 0, along = 0;
    for (long c = 0; c < channels; c++) {
      Vec<T> sum = {}, dot = {};
      each_vector<T>(c * s.pixels, (c + 1) * s.pixels, [&](long k, auto lanes) NPT_LAMBDA {
        const Vec<T> g = load_upto(g_in + k, lanes);  // zeros beyond the lanes, so the product needs no mask
        sum += g;
        dot += g * (load_upto(x_in + k, lanes) - center);
      });
      const double total = double(sum_lanes(sum)), product = double(sum_lanes(dot)) * scale;
      sums[i * channels + c] = total;
      dots[i * channels + c] = product;
      even += weight ? total * weight[c] : total;
      along += weight ? product * weight[c] : product;
    }
    const T shift = T(even / size * scale), steep = T(along / size * scale * scale);
    for (long c = 0; c < channels; c++) {
      const T slope = weight ? scale * weight[c] : scale;
      each_vector<T>(c * s.pixels, (c + 1) * s.pixels, [&](long k, auto lanes) NPT_LAMBDA {
        store_upto(gx + i * size + k, lanes,
                   load_upto(g_in + k, lanes) * slope - shift - (load_upto(x_in + k, lanes) - center) * steep);
      });
    }
  });
  for (long c = 0; c < s.c; c++) {
    double sum = 0, dot = 0;
    for (long i = 0; i < s.n; i++) {
      sum += sums[i * s.c + c];
      dot += dots[i * s.c + c];
    }
    gb[c] = T(sum);
    gw[c] = T(dot);
  }
}

NPT_BOTH_TYPES(group_norm)
NPT_BOTH_TYPES(group_norm_gradient)

}  // namespace nptorch::NPT_ISA

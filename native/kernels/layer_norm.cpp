// Layer normalisation of the rows of x (rows, size).
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {

template <class T>
void layer_norm(long rows, long size, const T* x, const T* w, const T* b, double eps, T* y, T* mean, T* rstd) {
  const long tasks = smaller(rows, tasks_for(rows * size));
  parallel_for(tasks, [&](long t) {
    for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++) {
      const T* row = x + r * size;
      Vec<T> sum = {}, squares = {};
      each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA { sum += load_upto(row + i, lanes); });
      const T center = sum_lanes(sum) / T(size);
      each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
        const Vec<T> d = first(load_upto(row + i, lanes) - center, lanes);
        squares += d * d;
      });
      const T scale = T(1) / T(sqrt(double(sum_lanes(squares) / T(size) + T(eps))));
      mean[r] = center;
      rstd[r] = scale;
      each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
        Vec<T> v = (load_upto(row + i, lanes) - center) * scale;
        if (w) v *= load_upto(w + i, lanes);
        if (b) v += load_upto(b + i, lanes);
        store_upto(y + r * size + i, lanes, v);
      });
    }
  });
}

// gw and gb are sums over the rows: each task sums its own rows first.
template <class T>
void layer_norm_gradient(long rows, long size, const T* gy, const T* x, const T* w, const T* mean, const T* rstd, T* gx,
                         T* gw, T* gb) {
  const long tasks = smaller(rows, tasks_for(rows * size));
  Scratch<T> sums(tasks * 2 * size);
  parallel_for(tasks, [&](long t) {
    T *weight_sum = sums + t * 2 * size, *bias_sum = weight_sum + size;
    memset(weight_sum, 0, 2 * size * sizeof(T));
    for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++) {
      const T *g_row = gy + r * size, *x_row = x + r * size;
      const T center = mean[r], scale = rstd[r];
      Vec<T> sum = {}, dot = {};
      each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
        const Vec<T> g = load_upto(g_row + i, lanes), normal = (load_upto(x_row + i, lanes) - center) * scale;
        const Vec<T> weighted = w ? g * load_upto(w + i, lanes) : g;
        sum += weighted;
        dot += weighted * normal;
        store_upto(weight_sum + i, lanes, load_upto(weight_sum + i, lanes) + g * normal);
        store_upto(bias_sum + i, lanes, load_upto(bias_sum + i, lanes) + g);
      });
      const T even = sum_lanes(sum) / T(size), along = sum_lanes(dot) / T(size);
      each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
        const Vec<T> g = load_upto(g_row + i, lanes), normal = (load_upto(x_row + i, lanes) - center) * scale;
        const Vec<T> weighted = w ? g * load_upto(w + i, lanes) : g;
        store_upto(gx + r * size + i, lanes, scale * (weighted - even - normal * along));
      });
    }
  });
  each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
    Vec<T> weight = {}, bias = {};
    for (long t = 0; t < tasks; t++) {
      weight += load_upto(sums + t * 2 * size + i, lanes);
      bias += load_upto(sums + t * 2 * size + size + i, lanes);
    }
    store_upto(gw + i, lanes, weight);
    store_upto(gb + i, lanes, bias);
  });
}

NPT_BOTH_TYPES(layer_norm)
NPT_BOTH_TYPES(layer_norm_gradient)

}  // namespace nptorch::NPT_ISA

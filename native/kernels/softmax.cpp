// Softmax and log-softmax of rows, and the cross-entropy of class indices.
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

template <class F> void parallel_rows(long rows, long size, F body) {
  const long tasks = smaller(rows, tasks_for(4 * rows * size));  // an exponential is worth several plain steps
  parallel_for(tasks, [&](long t) {
    for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++) body(r);
  });
}

template <class T> NPT_INLINE T row_max(const T* x, long size) {
  Vec<T> most = splat(T(-INFINITY));
  each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
    const Vec<T> v = first(load_upto(x + i, lanes), lanes, T(-INFINITY));
    most = (v > most) | (v != v) ? v : most;
  });
  T result = most[0];
  for (int i = 1; i < LANES<T>; i++) result = most[i] > result || most[i] != most[i] ? most[i] : result;
  return result;
}

// The sum of e^(x - most); `out`, if given, receives the terms.
template <class T> NPT_INLINE T exponentials(const T* x, long size, T most, T* out) {
  Vec<T> sum = {};
  each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
    const Vec<T> e = first(vexp(load_upto(x + i, lanes) - most), lanes);
    if (out) store_upto(out + i, lanes, e);
    sum += e;
  });
  return sum_lanes(sum);
}

template <class T> NPT_INLINE void log_softmax_row(const T* x, long size, T* y) {
  const T most = row_max(x, size), shift = log_of(exponentials<T>(x, size, most, nullptr));
  each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
    // Not most + shift first: a large x would swallow the logarithm.
    store_upto(y + i, lanes, load_upto(x + i, lanes) - most - shift);
  });
}

long count_targets(const int64_t* target, long rows, int64_t ignored) {
  long count = 0;
  for (long r = 0; r < rows; r++) count += target[r] != ignored;
  return count;
}

}  // namespace

template <class T> void softmax(long rows, long size, const T* x, T* y) {
  parallel_rows(rows, size, [&](long r) {
    const T *in = x + r * size, sum = exponentials(in, size, row_max(in, size), y + r * size);
    T *out = y + r * size, share = 1 / sum;
    each_vector<T>(
        0, size, [&](long i, auto lanes) NPT_LAMBDA { store_upto(out + i, lanes, load_upto(out + i, lanes) * share); });
  });
}

template <class T> void log_softmax(long rows, long size, const T* x, T* y) {
  parallel_rows(rows, size, [&](long r) { log_softmax_row(x + r * size, size, y + r * size); });
}

template <class T> void softmax_gradient(long rows, long size, const T* gy, const T* y, T* gx) {
  parallel_rows(rows, size, [&](long r) {
    const T *g = gy + r * size, *p = y + r * size;
    Vec<T> dot = {};
    each_vector<T>(0, size,
                   [&](long i, auto lanes) NPT_LAMBDA { dot += load_upto(g + i, lanes) * load_upto(p + i, lanes); });
    const T sum = sum_lanes(dot);
    each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
      store_upto(gx + r * size + i, lanes, load_upto(p + i, lanes) * (load_upto(g + i, lanes) - sum));
    });
  });
}

template <class T> void log_softmax_gradient(long rows, long size, const T* gy, const T* y, T* gx) {
  parallel_rows(rows, size, [&](long r) {
    const T *g = gy + r * size, *p = y + r * size;
    Vec<T> total = {};
    each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA { total += load_upto(g + i, lanes); });
    const T sum = sum_lanes(total);
    each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
      store_upto(gx + r * size + i, lanes, load_upto(g + i, lanes) - vexp(load_upto(p + i, lanes)) * sum);
    });
  });
}

template <class T>
void nll(long rows, long classes, const T* log_probs, const int64_t* target, int64_t ignored, Reduction r, T* loss) {
  auto row_loss = [&](long i) { return target[i] == ignored ? T(0) : -log_probs[i * classes + target[i]]; };
  if (r == Reduction::none) {
    for (long i = 0; i < rows; i++) loss[i] = row_loss(i);
    return;
  }
  double sum = 0;
  for (long i = 0; i < rows; i++) sum += double(row_loss(i));
  *loss = T(r == Reduction::mean ? sum / double(count_targets(target, rows, ignored)) : sum);
}

template <class T>
void nll_gradient(long rows, long classes, const T* g, const int64_t* target, int64_t ignored, Reduction r, T* gx) {
  const T share = r == Reduction::mean ? T(1) / T(count_targets(target, rows, ignored)) : T(1);
  memset(gx, 0, rows * classes * sizeof(T));
  for (long row = 0; row < rows; row++)
    if (target[row] != ignored) gx[row * classes + target[row]] = -g[r == Reduction::none ? row : 0] * share;
}

template <class T>
void cross_entropy(long rows, long classes, const T* x, const int64_t* target, int64_t ignored, Reduction r, T* loss,
                   T* log_probs) {
  parallel_rows(rows, classes, [&](long i) { log_softmax_row(x + i * classes, classes, log_probs + i * classes); });
  nll<T>(rows, classes, log_probs, target, ignored, r, loss);
}

template <class T>
void cross_entropy_gradient(long rows, long classes, const T* g, const T* log_probs, const int64_t* target,
                            int64_t ignored, Reduction r, T* gx) {
  const T share = r == Reduction::mean ? T(1) / T(count_targets(target, rows, ignored)) : T(1);
  parallel_rows(rows, classes, [&](long row) {
    T* out = gx + row * classes;
    const T *p = log_probs + row * classes, scale = g[r == Reduction::none ? row : 0] * share;
    if (target[row] == ignored) {
      memset(out, 0, classes * sizeof(T));
      return;
    }
    each_vector<T>(0, classes, [&](long i, auto lanes) NPT_LAMBDA {
      store_upto(out + i, lanes, vexp(load_upto(p + i, lanes)) * scale);
    });
    out[target[row]] -= scale;
  });
}

NPT_BOTH_TYPES(softmax)
NPT_BOTH_TYPES(log_softmax)
NPT_BOTH_TYPES(softmax_gradient)
NPT_BOTH_TYPES(log_softmax_gradient)
NPT_BOTH_TYPES(nll)
NPT_BOTH_TYPES(nll_gradient)
NPT_BOTH_TYPES(cross_entropy)
NPT_BOTH_TYPES(cross_entropy_gradient)

}  // namespace nptorch::NPT_ISA

// Softmax and log-softmax of lines, and the cross-entropy of class indices.
#include "kernels.h"
#include "scratch.h"
#include "vector_math.h"

namespace nptorch::NPT_ISA {
namespace {

template <class F> void parallel_rows(long rows, long size, F body) {
  const long tasks = smaller(rows, tasks_for(4 * rows * size));  // an exponential is worth several plain steps
  parallel_for(tasks, [&](long t) {
    for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++) body(r);
  });
}

// A line of neighbours in memory: each() visits its vectors, the others join what was gathered in the lanes of one.
template <class T> struct Row {
  long begin, size;
  template <class F> NPT_INLINE void each(F body) const { each_vector<T>(begin, begin + size, body); }
  NPT_INLINE Vec<T> sum(Vec<T> v) const { return splat(sum_lanes(v)); }
  NPT_INLINE Vec<T> log_sum(Vec<T> v) const { return splat(log_of(sum_lanes(v))); }
  NPT_INLINE Vec<T> most(Vec<T> v) const {
    T result = v[0];
    for (int i = 1; i < LANES<T>; i++) result = v[i] > result || v[i] != v[i] ? v[i] : result;
    return splat(result);
  }
};

// As many lines as a vector has lanes, each in its own.
template <class T, class N> struct Columns {
  long begin, size, stride;
  N lanes;
  template <class F> NPT_INLINE void each(F body) const {
    for (long i = 0; i < size; i++) body(begin + i * stride, lanes);
  }
  NPT_INLINE Vec<T> sum(Vec<T> v) const { return v; }
  NPT_INLINE Vec<T> log_sum(Vec<T> v) const { return vlog(v); }
  NPT_INLINE Vec<T> most(Vec<T> v) const { return v; }
};

template <class T, class F> void parallel_lines(const LineShape& s, F body) {
  if (s.inner == 1) return parallel_rows(s.outer, s.n, [&](long r) { body(Row<T>{r * s.n, s.n}); });
  const long vectors = pieces(s.inner, LANES<T>);
  parallel_rows(s.outer * vectors, s.n * LANES<T>, [&](long i) {
    const long column = i % vectors * LANES<T>, first = i / vectors * s.n * s.inner;
    each_vector<T>(column, smaller(s.inner, column + LANES<T>), [&](long c, auto lanes) NPT_LAMBDA {
      body(Columns<T, decltype(lanes)>{first + c, s.n, s.inner, lanes});
    });
  });
}

template <class T, class Line> NPT_INLINE Vec<T> line_max(const Line& line, const T* x) {
  Vec<T> most = splat(T(-INFINITY));
  line.each([&](long i, auto lanes) NPT_LAMBDA {
    const Vec<T> v = first(load_upto(x + i, lanes), lanes, T(-INFINITY));
    most = (v > most) | (v != v) ? v : most;
  });
  return line.most(most);
}

template <class T, class Line> NPT_INLINE void log_softmax_line(const Line& line, const T* x, T* y) {
  const Vec<T> most = line_max(line, x);
  Vec<T> sum = {};
  line.each([&](long i, auto lanes) NPT_LAMBDA { sum += first(vexp(load_upto(x + i, lanes) - most), lanes); });
  const Vec<T> shift = line.log_sum(sum);
  line.each([&](long i, auto lanes) NPT_LAMBDA {
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

template <class T> void softmax(const LineShape& s, const T* x, T* y) {
  parallel_lines<T>(s, [&](auto line) {
    const Vec<T> most = line_max(line, x);
    Vec<T> sum = {};
    line.each([&](long i, auto lanes) NPT_LAMBDA {
      const Vec<T> e = first(vexp(load_upto(x + i, lanes) - most), lanes);
      store_upto(y + i, lanes, e);
      sum += e;
    });
    const Vec<T> share = 1 / line.sum(sum);
    line.each([&](long i, auto lanes) NPT_LAMBDA { store_upto(y + i, lanes, load_upto(y + i, lanes) * share); });
  });
}

template <class T> void log_softmax(const LineShape& s, const T* x, T* y) {
  parallel_lines<T>(s, [&](auto line) { log_softmax_line(line, x, y); });
}

template <class T> void softmax_gradient(const LineShape& s, const T* gy, const T* y, T* gx) {
  parallel_lines<T>(s, [&](auto line) {
    Vec<T> dot = {};
    line.each([&](long i, auto lanes) NPT_LAMBDA { dot += load_upto(gy + i, lanes) * load_upto(y + i, lanes); });
    const Vec<T> sum = line.sum(dot);
    line.each([&](long i, auto lanes) NPT_LAMBDA {
      store_upto(gx + i, lanes, load_upto(y + i, lanes) * (load_upto(gy + i, lanes) - sum));
    });
  });
}

template <class T> void log_softmax_gradient(const LineShape& s, const T* gy, const T* y, T* gx) {
  parallel_lines<T>(s, [&](auto line) {
    Vec<T> total = {};
    line.each([&](long i, auto lanes) NPT_LAMBDA { total += load_upto(gy + i, lanes); });
    const Vec<T> sum = line.sum(total);
    line.each([&](long i, auto lanes) NPT_LAMBDA {
      store_upto(gx + i, lanes, load_upto(gy + i, lanes) - vexp(load_upto(y + i, lanes)) * sum);
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
  parallel_rows(rows, classes, [&](long i) { log_softmax_line(Row<T>{i * classes, classes}, x, log_probs); });
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

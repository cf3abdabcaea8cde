// Average pooling over planes (h, w), and its gradient. A window is added up in two steps, both a vector at a time
// where the stride allows it: its rows to one line, then neighbours in the line, which has the padding at both ends.
#include "pooling.h"

namespace nptorch::NPT_ISA {
namespace {

// How many places of a window along one axis count.
NPT_INLINE long counted(const PoolShape& s, long start, long kernel, long size, long padding) {
  const long end = smaller(start + kernel, size + padding);
  return s.count_padding ? end - start : smaller(end, size) - larger(start, 0);
}

// The rows of the plane in window i, and what a sum over them is divided by.
template <class T> struct Rows {
  long begin, end;
  T divisor;
  NPT_INLINE Rows(const PoolShape& s, long i) {
    const long start = i * s.sh - s.ph;
    begin = larger(start, 0);
    end = smaller(start + s.kh, s.h);
    divisor = s.divisor ? T(1) : T(counted(s, start, s.kh, s.h, s.ph));
  }
};
// What the sums of windows are divided by along the columns.
template <class T> void column_divisors(const PoolShape& s, T* divisors) {
  for (long j = 0; j < s.ow; j++)
    divisors[j] = s.divisor ? T(s.divisor) : T(counted(s, j * s.sw - s.pw, s.kw, s.w, s.pw));
}

// With ceil_mode the last window can reach beyond the padding.
NPT_INLINE long line_length(const PoolShape& s) { return larger(s.w + 2 * s.pw, (s.ow - 1) * s.sw + s.kw); }

// The sums of n windows of `kernel` neighbours that begin `stride` apart: body(window, lanes, sums).
template <class T, class F> NPT_INLINE void sum_neighbours(const T* line, long kernel, long stride, long n, F body) {
  each_vector<T>(0, n, [&](long j, auto lanes) NPT_LAMBDA {
    Vec<T> sum = {};
    for (long c = 0; c < kernel; c++) sum += load_apart(line + j * stride + c, stride, lanes);
    body(j, lanes, sum);
  });
}

// Every place of a window gets its share of the gradient. Windows of 2 x 2 do not overlap: a vector of them at a time.
template <class T> void share_two_by_two(const PoolShape& s, const T* g, T* plane) {
  typedef LaneIndices<Vec<T>> Order;
  const T divisor = s.divisor ? T(s.divisor) : T(4);
  for (long i = 0; i < s.oh; i++, g += s.ow)
    for (T* row : {plane + 2 * i * s.w, plane + (2 * i + 1) * s.w}) {
      each_vector<T>(0, s.ow, [&](long j, auto lanes) NPT_LAMBDA {
        const Vec<T> share = load_upto(g + j, lanes) / divisor;
        const long n = 2 * lanes;
        store_upto(row + 2 * j, n, zip_low(share, share, Order{}));
        store_upto(row + 2 * j + LANES<T>, n - LANES<T>, zip_high(share, share, Order{}));
      });
      for (long j = 2 * s.ow; j < s.w; j++) row[j] = 0;
    }
  for (long rest = 2 * s.oh * s.w; rest < s.h * s.w; rest++) plane[rest] = 0;
}

}  // namespace

template <class T> void avg_pool(const PoolShape& s, const T* x, T* y) {
  Scratch<T> divisors(s.ow);
  column_divisors<T>(s, divisors);
  parallel_runs(s, [&](long first, long last) {
    Scratch<T> line(line_length(s));
    memset(line, 0, line_length(s) * sizeof(T));
    for (long p = first; p < last; p++)
      for (long i = 0; i < s.oh; i++) {
        const Rows<T> rows(s, i);
        const T* plane = x + p * s.h * s.w;
        T* out = y + (p * s.oh + i) * s.ow;
        each_vector<T>(0, s.w, [&](long c, auto lanes) NPT_LAMBDA {
          Vec<T> sum = {};
          for (long r = rows.begin; r < rows.end; r++) sum += load_upto(plane + r * s.w + c, lanes);
          store_upto(line + s.pw + c, lanes, sum);
        });
        if (s.sw > 2) {  // adding alone is as fast as picking
          for (long j = 0; j < s.ow; j++) {
            T sum = 0;
            for (long c = 0; c < s.kw; c++) sum += line[j * s.sw + c];
            out[j] = sum / (rows.divisor * divisors[j]);
          }
          continue;
        }
        sum_neighbours<T>(line, s.kw, s.sw, s.ow, [&](long j, auto lanes, Vec<T> sum) NPT_LAMBDA {
          store_upto(out + j, lanes, sum / (rows.divisor * load_upto(divisors + j, lanes)));
        });
      }
  });
}

// What a row of windows gives to each column is the sum of the shares of the windows that the column is in: neighbours
// again, once the shares lie as far apart as the windows.
template <class T> void avg_pool_gradient(const PoolShape& s, const T* gy, T* gx) {
  if (is_two_by_two(s) && fits(s))
    return parallel_planes(s, [&](long p) { share_two_by_two<T>(s, gy + p * s.oh * s.ow, gx + p * s.h * s.w); });
  Scratch<T> divisors(s.ow);
  column_divisors<T>(s, divisors);
  const long length = line_length(s) + s.kw;
  const bool overlap = s.sh < s.kh;
  parallel_runs(s, [&](long first, long last) {
    Scratch<T> shares(length);
    memset(shares, 0, length * sizeof(T));
    for (long p = first; p < last; p++) {
      T* plane = gx + p * s.h * s.w;
      memset(plane, 0, s.h * s.w * sizeof(T));
      for (long i = 0; i < s.oh; i++) {
        const Rows<T> rows(s, i);
        const T* g = gy + (p * s.oh + i) * s.ow;
        for (long j = 0; j < s.ow; j++) shares[s.kw - 1 + j * s.sw] = g[j] / (rows.divisor * divisors[j]);
        sum_neighbours<T>(shares + s.pw, s.kw, 1, s.w, [&](long c, auto lanes, Vec<T> sum) NPT_LAMBDA {
          for (long r = rows.begin; r < rows.end; r++) {
            T* at = plane + r * s.w + c;
            store_upto(at, lanes, overlap ? load_upto(at, lanes) + sum : sum);
          }
        });
      }
    }
  });
}

NPT_BOTH_TYPES(avg_pool)
NPT_BOTH_TYPES(avg_pool_gradient)

}  // namespace nptorch::NPT_ISA

// Max and average pooling over planes (h, w), and their gradients.
#include "scratch.h"
#include "kernels.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

template <class F> void parallel_planes(const PoolShape& s, F body) {
  const long tasks = smaller(s.planes, tasks_for(s.planes * s.h * s.w));
  parallel_for(tasks, [&](long t) {
    for (long p = cut(s.planes, tasks, t); p < cut(s.planes, tasks, t + 1); p++) body(p);
  });
}

bool is_two_by_two(const PoolShape& s) {
  return s.kh == 2 && s.kw == 2 && s.sh == 2 && s.sw == 2 && s.ph == 0 && s.pw == 0 && s.dh == 1 && s.dw == 1;
}
// Whether every window lies in the image (ceil_mode can let the last ones hang over).
bool fits(const PoolShape& s) { return 2 * s.oh <= s.h && 2 * s.ow <= s.w; }

// The first n of a vector of lane numbers to and from int64 in memory: as they are where lanes have 8 bytes, else in
// halves.
NPT_INLINE void store_indices(int64_t* out, long n, Ints<double> v) {
  store_upto(reinterpret_cast<double*>(out), n, (Vec<double>)v);
}
NPT_INLINE Ints<double> load_wide(const int64_t* p, long n) {
  return (Ints<double>)load_upto(reinterpret_cast<const double*>(p), n);
}
template <class T> NPT_INLINE Ints<T> load_indices(const int64_t* p, long n) {
  if constexpr (sizeof(T) == 8) {
    return load_wide(p, n);
  } else {
    typedef int32_t Half __attribute__((vector_size(NPT_VECTOR_BYTES / 2)));
    const Half halves[] = {__builtin_convertvector(load_wide(p, n), Half),
                           __builtin_convertvector(load_wide(p + LANES<double>, n - LANES<double>), Half)};
    Ints<T> v;
    memcpy(&v, halves, sizeof v);
    return v;
  }
}
NPT_INLINE void store_indices(int64_t* out, long n, Ints<float> v) {
  typedef int32_t Half __attribute__((vector_size(NPT_VECTOR_BYTES / 2)));
  Half halves[2];
  memcpy(halves, &v, sizeof v);
  store_indices(out, n, __builtin_convertvector(halves[0], Ints<double>));
  store_indices(out + LANES<double>, n - LANES<double>, __builtin_convertvector(halves[1], Ints<double>));
}

// The largest of each 2 x 2 window, given its four places each as one vector; `first` is where the windows begin.
template <class T> struct Largest {
  Vec<T> most;
  Ints<T> at;
};
template <class T> NPT_INLINE Largest<T> largest(Vec<T> a, Vec<T> b, Vec<T> c, Vec<T> d, Ints<T> first, long width) {
  Largest<T> found{a, first};
  auto consider = [&](Vec<T> v, long offset) NPT_LAMBDA {
    const Ints<T> take = (v > found.most) | (v != v);
    found.most = take ? v : found.most;
    found.at = take ? first + Scalar<Ints<T>>(offset) : found.at;
  };
  consider(b, 1);
  consider(c, width);
  consider(d, width + 1);
  return found;
}

#if NPT_VECTOR_BYTES == 64
// Rows of at most half a vector of outputs come two at a time: lanes [0, ow) are the first row's, [ow, 2 ow) the
// second's.
template <class T> struct TwoRows {
  Ints<T> even, odd;             // picks the left and the right places of the windows from two image rows
  Ints<T> upper_row, lower_row;  // and back: image rows from left and right places, zeros behind the windows
  Ints<T> first;                 // where the windows begin
  long lanes;

  static bool fits(const PoolShape& s) { return 2 * s.ow <= LANES<T> && s.w <= LANES<T>; }
  NPT_INLINE explicit TwoRows(const PoolShape& s) : lanes(2 * s.ow) {
    typedef Scalar<Ints<T>> Index;
    const Ints<T> lane = count_up<Vec<T>>(LaneIndices<Vec<T>>{}), row = lane < Index(s.ow) ? Ints<T>{} : Ints<T>{} + 1;
    const Ints<T> column = 2 * (lane - row * Index(s.ow)), side = lane & 1;
    even = column + row * Index(LANES<T>);
    odd = even + 1;
    upper_row = lane < Index(lanes) ? (lane >> 1) + side * Index(LANES<T>) : Ints<T>{} + Index(LANES<T> - 1);
    lower_row = lane < Index(lanes) ? upper_row + Index(s.ow) : upper_row;
    first = column + row * Index(2 * s.w);
  }
};
#endif

// A vector of outputs at a time: each of the four places of the windows is one vector of even or odd columns.
template <class T> void max_two_by_two(const PoolShape& s, const T* x, T* y, int64_t* indices) {
  typedef LaneIndices<Vec<T>> Order;
  typedef Scalar<Ints<T>> Index;
  long i = 0;
#if NPT_VECTOR_BYTES == 64
  if (TwoRows<T>::fits(s)) {
    const TwoRows<T> two(s);
    for (; i + 2 <= s.oh; i += 2) {
      const T* top = x + 2 * i * s.w;
      const Vec<T> a = load_some(top, two.lanes), b = load_some(top + s.w, two.lanes),
                   c = load_some(top + 2 * s.w, two.lanes), d = load_some(top + 3 * s.w, two.lanes);
      const Largest<T> found = largest<T>(pick(a, two.even, c), pick(a, two.odd, c), pick(b, two.even, d),
                                          pick(b, two.odd, d), two.first + Index(2 * i * s.w), s.w);
      store_upto(y + i * s.ow, two.lanes, found.most);
      store_indices(indices + i * s.ow, two.lanes, found.at);
    }
  }
#endif
  const Ints<T> column = 2 * count_up<Vec<T>>(Order{});
  for (; i < s.oh; i++)
    each_vector<T>(0, s.ow, [&](long j, auto lanes) NPT_LAMBDA {
      const T *top = x + 2 * i * s.w + 2 * j, *bottom = top + s.w;
      const long n = 2 * lanes, rest = n - LANES<T>;
      const Vec<T> a = load_upto(top, n), b = load_upto(top + LANES<T>, rest);
      const Vec<T> c = load_upto(bottom, n), d = load_upto(bottom + LANES<T>, rest);
      const Largest<T> found = largest<T>(evens(a, b, Order{}), odds(a, b, Order{}), evens(c, d, Order{}),
                                          odds(c, d, Order{}), column + Index(2 * i * s.w + 2 * j), s.w);
      store_upto(y + i * s.ow + j, lanes, found.most);
      store_indices(indices + i * s.ow + j, lanes, found.at);
    });
}

// The part [begin, end) of a window's places along one axis that lies in [0, size).
struct Reach {
  long begin, end;
};
NPT_INLINE Reach reach(long start, long count, long dilation, long size) {
  const long skipped = start < 0 ? pieces(-start, dilation) : 0;
  return {start + skipped * dilation, smaller(size, start + count * dilation)};
}

template <class T> void max_any(const PoolShape& s, const T* x, T* y, int64_t* indices) {
  for (long i = 0; i < s.oh; i++)
    for (long j = 0; j < s.ow; j++) {
      const Reach rows = reach(i * s.sh - s.ph, s.kh, s.dh, s.h), columns = reach(j * s.sw - s.pw, s.kw, s.dw, s.w);
      long at = rows.begin * s.w + columns.begin;
      T most = -INFINITY;
      for (long r = rows.begin; r < rows.end; r += s.dh)
        for (long c = columns.begin; c < columns.end; c += s.dw) {
          const T v = x[r * s.w + c];
          if (v > most || v != v) {
            most = v;
            at = r * s.w + c;
          }
        }
      *y++ = most;
      *indices++ = at;
    }
}

// Puts each number of g where it came from. An index outside the plane is passed over; returns whether there was none.
template <class T> bool spread_any(const PoolShape& s, const T* g, const int64_t* indices, T* plane) {
  const uint64_t pixels = s.h * s.w;
  bool valid = true;
  memset(plane, 0, pixels * sizeof(T));
  for (long i = 0; i < s.oh * s.ow; i++) {
    if (uint64_t(indices[i]) < pixels) plane[indices[i]] += g[i];
    else valid = false;
  }
  return valid;
}

// The four places of 2 x 2 windows of which one holds the gradient; `place` is that one, counted from the window's
// begin.
template <class T> struct Spread {
  Vec<T> left, right, lower_left, lower_right;
  Ints<T> strangers;  // lanes whose index lies in none of the places
};
template <class T> NPT_INLINE Spread<T> spread(Vec<T> g, Ints<T> place, long width) {
  typedef Scalar<Ints<T>> Index;
  const Vec<T> none = {};
  const Ints<T> a = place == 0, b = place == 1, c = place == Index(width), d = place == Index(width + 1);
  return {a ? g : none, b ? g : none, c ? g : none, d ? g : none, ~(a | b | c | d)};
}

// The same a vector at a time if every index lies in its own 2 x 2 window, as it does after the most common pooling;
// returns whether it was so. The kernel size is not among the arguments: the indices themselves tell.
template <class T> bool spread_two_by_two(const PoolShape& s, const T* g, const int64_t* indices, T* plane) {
  typedef LaneIndices<Vec<T>> Order;
  typedef Scalar<Ints<T>> Index;
  const Ints<T> lane = count_up<Vec<T>>(Order{});
  Ints<T> strangers = {};
  long i = 0;
#if NPT_VECTOR_BYTES == 64
  if (TwoRows<T>::fits(s)) {
    const TwoRows<T> two(s);
    for (; i + 2 <= s.oh; i += 2) {
      T* top = plane + 2 * i * s.w;
      const Ints<T> place = load_indices<T>(indices + i * s.ow, two.lanes) - two.first - Index(2 * i * s.w);
      const Spread<T> p = spread<T>(load_upto(g + i * s.ow, two.lanes), place, s.w);
      strangers |= lane < Index(two.lanes) ? p.strangers : Ints<T>{};
      store_upto(top, s.w, pick(p.left, two.upper_row, p.right));
      store_upto(top + s.w, s.w, pick(p.lower_left, two.upper_row, p.lower_right));
      store_upto(top + 2 * s.w, s.w, pick(p.left, two.lower_row, p.right));
      store_upto(top + 3 * s.w, s.w, pick(p.lower_left, two.lower_row, p.lower_right));
    }
  }
#endif
  for (; i < s.oh; i++) {
    T *top = plane + 2 * i * s.w, *bottom = top + s.w;
    each_vector<T>(0, s.ow, [&](long j, auto lanes) NPT_LAMBDA {
      const Ints<T> place = load_indices<T>(indices + i * s.ow + j, lanes) - 2 * lane - Index(2 * i * s.w + 2 * j);
      const Spread<T> p = spread<T>(load_upto(g + i * s.ow + j, lanes), place, s.w);
      strangers |= lane < Index(lanes) ? p.strangers : Ints<T>{};
      const long n = 2 * lanes, rest = n - LANES<T>;
      store_upto(top + 2 * j, n, zip_low(p.left, p.right, Order{}));
      store_upto(top + 2 * j + LANES<T>, rest, zip_high(p.left, p.right, Order{}));
      store_upto(bottom + 2 * j, n, zip_low(p.lower_left, p.lower_right, Order{}));
      store_upto(bottom + 2 * j + LANES<T>, rest, zip_high(p.lower_left, p.lower_right, Order{}));
    });
    for (T* row : {top, bottom})
      for (long j = 2 * s.ow; j < s.w; j++) row[j] = 0;
  }
  memset(plane + 2 * s.oh * s.w, 0, (s.h - 2 * s.oh) * s.w * sizeof(T));
  Index any = 0;
  for (int l = 0; l < LANES<T>; l++) any |= strangers[l];
  return any == 0;
}

// Part of an average window: the places in the image and what to divide by.
struct Window {
  long row_begin, row_end, column_begin, column_end;
  double divisor;
};
NPT_INLINE Window window(const PoolShape& s, long i, long j) {
  const long top = i * s.sh - s.ph, left = j * s.sw - s.pw;
  const long bottom = smaller(top + s.kh, s.h + s.ph), right = smaller(left + s.kw, s.w + s.pw);
  Window a{larger(top, 0), smaller(bottom, s.h), larger(left, 0), smaller(right, s.w), s.divisor};
  if (a.divisor == 0)
    a.divisor = s.count_padding ? double(bottom - top) * (right - left)
                                : double(a.row_end - a.row_begin) * (a.column_end - a.column_begin);
  return a;
}

}  // namespace

template <class T> void max_pool(const PoolShape& s, const T* x, T* y, int64_t* indices) {
  const bool quick = is_two_by_two(s) && fits(s);
  parallel_planes(s, [&](long p) {
    const T* plane = x + p * s.h * s.w;
    const long out = p * s.oh * s.ow;
    if (quick) max_two_by_two<T>(s, plane, y + out, indices + out);
    else max_any<T>(s, plane, y + out, indices + out);
  });
}

template <class T> void max_pool_gradient(const PoolShape& s, const T* gy, const int64_t* indices, T* gx, bool* valid) {
  *valid = true;
  parallel_planes(s, [&](long p) {
    const long size = s.oh * s.ow;
    const T* g = gy + p * size;
    const int64_t* at = indices + p * size;
    T* plane = gx + p * s.h * s.w;
    if (fits(s) && spread_two_by_two<T>(s, g, at, plane)) return;
    if (!spread_any<T>(s, g, at, plane)) __atomic_store_n(valid, false, __ATOMIC_RELAXED);
  });
}

template <class T> void avg_pool(const PoolShape& s, const T* x, T* y) {
  parallel_planes(s, [&](long p) {
    const T* plane = x + p * s.h * s.w;
    T* out = y + p * s.oh * s.ow;
    for (long i = 0; i < s.oh; i++)
      for (long j = 0; j < s.ow; j++) {
        const Window a = window(s, i, j);
        T sum = 0;
        for (long r = a.row_begin; r < a.row_end; r++)
          for (long c = a.column_begin; c < a.column_end; c++) sum += plane[r * s.w + c];
        *out++ = sum / T(a.divisor);
      }
  });
}

template <class T> void avg_pool_gradient(const PoolShape& s, const T* gy, T* gx) {
  parallel_planes(s, [&](long p) {
    const T* g = gy + p * s.oh * s.ow;
    T* plane = gx + p * s.h * s.w;
    memset(plane, 0, s.h * s.w * sizeof(T));
    for (long i = 0; i < s.oh; i++)
      for (long j = 0; j < s.ow; j++) {
        const Window a = window(s, i, j);
        const T share = *g++ / T(a.divisor);
        for (long r = a.row_begin; r < a.row_end; r++)
          for (long c = a.column_begin; c < a.column_end; c++) plane[r * s.w + c] += share;
      }
  });
}

NPT_BOTH_TYPES(max_pool)
NPT_BOTH_TYPES(max_pool_gradient)
NPT_BOTH_TYPES(avg_pool)
NPT_BOTH_TYPES(avg_pool_gradient)

}  // namespace nptorch::NPT_ISA

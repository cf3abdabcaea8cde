// Max pooling over planes (h, w), and its gradient.
#include "pooling.h"

namespace nptorch::NPT_ISA {
namespace {

// Vectors of places as bytes in memory, the first n of them (n <= LANES). GCC 12 takes float's vectors apart for these
// conversions, so they are spelled out.
NPT_INLINE Ints<float> widen(Bytes<float> v) {
#if NPT_VECTOR_BYTES == 64
  return (Ints<float>)_mm512_cvtepu8_epi32((__m128i)v);
#elif NPT_VECTOR_BYTES == 32
  return (Ints<float>)_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)v));
#else
  return __builtin_convertvector(v, Ints<float>);
#endif
}
NPT_INLINE Bytes<float> narrow(Ints<float> v) {
#if NPT_VECTOR_BYTES == 64
  return (Bytes<float>)_mm512_cvtepi32_epi8((__m512i)v);
#elif NPT_VECTOR_BYTES == 32
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)v), _mm256_extracti128_si256((__m256i)v, 1));
  return (Bytes<float>)_mm_cvtsi128_si64(_mm_packus_epi16(words, words));
#else
  return __builtin_convertvector(v, Bytes<float>);
#endif
}
NPT_INLINE Ints<double> widen(Bytes<double> v) { return __builtin_convertvector(v, Ints<double>); }
NPT_INLINE Bytes<double> narrow(Ints<double> v) { return __builtin_convertvector(v, Bytes<double>); }

template <class T> NPT_INLINE void store_bytes(uint8_t* p, long n, Ints<T> v) {
  const Bytes<T> bytes = narrow(v);
#if NPT_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) return _mm_mask_storeu_epi8(p, __mmask16((1u << n) - 1), (__m128i)bytes);
#endif
  if (n == LANES<T>) memcpy(p, &bytes, LANES<T>);
  else
    for (int i = 0; i < n; i++) p[i] = bytes[i];
}
template <class T> NPT_INLINE Ints<T> load_bytes(const uint8_t* p, long n) {
#if NPT_VECTOR_BYTES == 64
  if constexpr (sizeof(T) == 4) return widen((Bytes<T>)_mm_maskz_loadu_epi8(__mmask16((1u << n) - 1), p));
#endif
  uint64_t packed = 0;  // at most 8 lanes
  if (n == LANES<T>) memcpy(&packed, p, smaller(LANES<T>, 8));
  else
    for (int i = 0; i < n; i++) packed |= uint64_t(p[i]) << 8 * i;
  Bytes<T> bytes;
  memcpy(&bytes, &packed, smaller(LANES<T>, 8));
  return widen(bytes);
}

// The largest of each 2 x 2 window, given its four places each as one vector.
template <class T> struct Largest {
  Vec<T> most;
  Ints<T> place;  // as MaxPlaces counts
};
template <class T> NPT_INLINE Largest<T> largest(Vec<T> a, Vec<T> b, Vec<T> c, Vec<T> d) {
  Largest<T> found{a, {}};
  auto consider = [&](Vec<T> v, int place) NPT_LAMBDA {
    const Ints<T> take = (v > found.most) | (v != v);
    found.most = take ? v : found.most;
    found.place = take ? Ints<T>{} + 2 * place : found.place;
  };
  consider(b, 1);
  consider(c, 2);
  consider(d, 3);
  found.place -= found.most <= T(0);
  return found;
}

#if NPT_VECTOR_BYTES == 64
// Rows of at most half a vector of outputs come two at a time: lanes [0, ow) are the first row's, [ow, 2 ow) the
// second's.
template <class T> struct TwoRows {
  Ints<T> even, odd;             // picks the left and the right places of the windows from two image rows
  Ints<T> upper_row, lower_row;  // and back: image rows from left and right places, zeros behind the windows
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
  }
};
#endif

// A vector of outputs at a time: each of the four places of the windows is one vector of even or odd columns.
template <class T> void max_two_by_two(const PoolShape& s, const T* x, T* y, uint8_t* places) {
  typedef LaneIndices<Vec<T>> Order;
  auto put = [&](long at, long lanes, Largest<T> found) NPT_LAMBDA {
    store_upto(y + at, lanes, found.most);
    store_bytes<T>(places + at, lanes, found.place);
  };
  long i = 0;
#if NPT_VECTOR_BYTES == 64
  if (TwoRows<T>::fits(s)) {
    const TwoRows<T> two(s);
    for (; i + 2 <= s.oh; i += 2) {
      const T* top = x + 2 * i * s.w;
      const Vec<T> a = load_some(top, two.lanes), b = load_some(top + s.w, two.lanes),
                   c = load_some(top + 2 * s.w, two.lanes), d = load_some(top + 3 * s.w, two.lanes);
      put(i * s.ow, two.lanes,
          largest<T>(pick(a, two.even, c), pick(a, two.odd, c), pick(b, two.even, d), pick(b, two.odd, d)));
    }
  }
#endif
  for (; i < s.oh; i++)
    each_vector<T>(0, s.ow, [&](long j, auto lanes) NPT_LAMBDA {
      const T *top = x + 2 * i * s.w + 2 * j, *bottom = top + s.w;
      const long n = 2 * lanes, rest = n - LANES<T>;
      const Vec<T> a = load_upto(top, n), b = load_upto(top + LANES<T>, rest);
      const Vec<T> c = load_upto(bottom, n), d = load_upto(bottom + LANES<T>, rest);
      put(i * s.ow + j, lanes,
          largest<T>(evens(a, b, Order{}), odds(a, b, Order{}), evens(c, d, Order{}), odds(c, d, Order{})));
    });
}

// Which of a window's places along one axis lie in [0, size).
struct Reach {
  long begin, end;
};
NPT_INLINE Reach reach(long start, long count, long dilation, long size) {
  return {start < 0 ? pieces(-start, dilation) : 0, smaller(count, pieces(size - start, dilation))};
}

template <class T> NPT_INLINE void store_places(uint8_t* p, long n, Ints<T> v) { store_bytes<T>(p, n, v); }
template <class T> NPT_INLINE void store_places(int32_t* p, long n, Ints<T> v) {
  for (long l = 0; l < n; l++) p[l] = int32_t(v[l]);
}

// The columns of outputs whose windows lie between the left and the right edge: they are computed a vector at a time,
// unless they are few and their numbers would have to be picked one by one.
NPT_INLINE Reach whole_windows(const PoolShape& s) {
  const long begin = smaller(s.ow, pieces(s.pw, s.sw)), fitting = s.w + s.pw - s.dw * (s.kw - 1);
  const long end = larger(begin, smaller(s.ow, fitting > 0 ? pieces(fitting, s.sw) : 0));
  return s.sw <= 2 || end - begin >= 4 ? Reach{begin, end} : Reach{s.ow, s.ow};
}

template <class T, class Place> void max_any(const PoolShape& s, const T* x, T* y, Place* places) {
  typedef Scalar<Ints<T>> Index;
  const Reach whole = whole_windows(s);
  for (long i = 0; i < s.oh; i++, y += s.ow, places += s.ow) {
    const long top = i * s.sh - s.ph;
    const Reach rows = reach(top, s.kh, s.dh, s.h);
    auto alone = [&](long j) {
      const long left = j * s.sw - s.pw;
      const Reach columns = reach(left, s.kw, s.dw, s.w);
      long place = rows.begin * s.kw + columns.begin;
      T most = -INFINITY;
      for (long r = rows.begin; r < rows.end; r++) {
        const T* row = x + (top + r * s.dh) * s.w + left;
        for (long c = columns.begin; c < columns.end; c++) {
          const T v = row[c * s.dw];
          if (v > most || v != v) {
            most = v;
            place = r * s.kw + c;
          }
        }
      }
      y[j] = most;
      places[j] = Place(2 * place + (most <= 0));
    };
    for (long j = 0; j < whole.begin; j++) alone(j);
    each_vector<T>(whole.begin, whole.end, [&](long j, auto lanes) NPT_LAMBDA {
      Vec<T> most = splat(T(-INFINITY));
      Ints<T> place = Ints<T>{} + Index(rows.begin * s.kw);
      for (long r = rows.begin; r < rows.end; r++)
        for (long c = 0; c < s.kw; c++) {
          const T* from = x + (top + r * s.dh) * s.w + j * s.sw - s.pw + c * s.dw;
          const Vec<T> v = load_apart(from, s.sw, lanes);
          const Ints<T> take = (v > most) | (v != v);
          most = take ? v : most;
          place = take ? Ints<T>{} + Index(r * s.kw + c) : place;
        }
      store_upto(y + j, lanes, most);
      store_places<T>(places + j, lanes, 2 * place - (most <= T(0)));
    });
    for (long j = whole.end; j < s.ow; j++) alone(j);
  }
}

// Puts each number of g where it came from, and adds up those that it put. A place outside of the window or the plane
// is passed over; returns whether there was none.
template <class T, class Place>
bool spread_any(const PoolShape& s, const T* g, const Place* places, bool rectified, T* plane, T* sum) {
  const uint32_t width = uint32_t(s.kw);
  bool valid = true;
  double total = 0;
  memset(plane, 0, s.h * s.w * sizeof(T));
  for (long i = 0; i < s.oh; i++)
    for (long j = 0; j < s.ow; j++, g++, places++) {
      const uint32_t place = uint32_t(*places) >> 1, r = place / width, c = place - r * width;
      const long row = i * s.sh - s.ph + r * s.dh, column = j * s.sw - s.pw + c * s.dw;
      if (r >= s.kh || row < 0 || row >= s.h || column < 0 || column >= s.w) valid = false;
      else if (!rectified || !(*places & 1)) {
        plane[row * s.w + column] += *g;
        total += *g;
      }
    }
  *sum = T(total);
  return valid;
}

// The four places of 2 x 2 windows, of which one holds the gradient.
template <class T> struct Spread {
  Vec<T> left, right, lower_left, lower_right;
};
template <class T> NPT_INLINE Spread<T> spread(Vec<T> g, Ints<T> place) {
  const Vec<T> none = {};
  return {place == 0 ? g : none, place == 1 ? g : none, place == 2 ? g : none, place == 3 ? g : none};
}

// The same for 2 x 2 windows, a vector at a time.
template <class T>
bool spread_two_by_two(const PoolShape& s, const T* g, const uint8_t* places, bool rectified, T* plane, T* sum) {
  typedef LaneIndices<Vec<T>> Order;
  Ints<T> seen = {};
  const Ints<T> dropped = Ints<T>{} + rectified;
  Vec<T> total = {};
  auto take = [&](long at, long lanes) NPT_LAMBDA {
    const Ints<T> marked = load_bytes<T>(places + at, lanes);
    const Vec<T> v = load_upto(g + at, lanes), let_through = (marked & dropped) == 0 ? v : Vec<T>{};
    seen |= marked;
    total += let_through;
    return spread<T>(let_through, marked >> 1);
  };
  long i = 0;
#if NPT_VECTOR_BYTES == 64
  if (TwoRows<T>::fits(s)) {
    const TwoRows<T> two(s);
    for (; i + 2 <= s.oh; i += 2) {
      T* top = plane + 2 * i * s.w;
      const Spread<T> p = take(i * s.ow, two.lanes);
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
      const Spread<T> p = take(i * s.ow + j, lanes);
      const long n = 2 * lanes, rest = n - LANES<T>;
      store_upto(top + 2 * j, n, zip_low(p.left, p.right, Order{}));
      store_upto(top + 2 * j + LANES<T>, rest, zip_high(p.left, p.right, Order{}));
      store_upto(bottom + 2 * j, n, zip_low(p.lower_left, p.lower_right, Order{}));
      store_upto(bottom + 2 * j + LANES<T>, rest, zip_high(p.lower_left, p.lower_right, Order{}));
    });
    for (T* row : {top, bottom})
      for (long j = 2 * s.ow; j < s.w; j++) row[j] = 0;
  }
  for (long rest = 2 * s.oh * s.w; rest < s.h * s.w; rest++) plane[rest] = 0;
  *sum = sum_lanes(total);
  long all = 0;
  for (int l = 0; l < LANES<T>; l++) all |= seen[l];
  return all <= 7;
}

}  // namespace

template <class T> void max_pool(const PoolShape& s, const T* x, T* y, MaxPlaces places) {
  const bool quick = is_two_by_two(s) && fits(s);
  parallel_planes(s, [&](long p) {
    const T* plane = x + p * s.h * s.w;
    const long out = p * s.oh * s.ow;
    if (quick) max_two_by_two<T>(s, plane, y + out, places.bytes + out);
    else if (places.bytes) max_any<T>(s, plane, y + out, places.bytes + out);
    else max_any<T>(s, plane, y + out, places.wide + out);
  });
}

template <class T>
void max_pool_gradient(const PoolShape& s, const T* gy, MaxPlaces places, bool rectified, T* gx, T* plane_sums,
                       bool* valid) {
  const bool quick = is_two_by_two(s) && fits(s);
  *valid = true;
  parallel_planes(s, [&](long p) {
    const long out = p * s.oh * s.ow;
    T* plane = gx + p * s.h * s.w;
    const bool found = quick ? spread_two_by_two<T>(s, gy + out, places.bytes + out, rectified, plane, plane_sums + p)
                       : places.bytes ? spread_any<T>(s, gy + out, places.bytes + out, rectified, plane, plane_sums + p)
                                      : spread_any<T>(s, gy + out, places.wide + out, rectified, plane, plane_sums + p);
    if (!found) __atomic_store_n(valid, false, __ATOMIC_RELAXED);
  });
}

NPT_BOTH_TYPES(max_pool)
NPT_BOTH_TYPES(max_pool_gradient)

}  // namespace nptorch::NPT_ISA

// Where the k foremost numbers of each row of x (rows, size) stand, in their order; equal ones in the order of their
// places. Few numbers of a long row come before the last of those found so far: a vector at a time is passed over.
#include "kernels.h"
#include "scratch.h"

namespace nptorch::NPT_ISA {
namespace {

// Whether a comes before b; NaN is larger than every number.
template <bool LARGEST, class V> NPT_INLINE auto leads(V a, V b) {
  if constexpr (LARGEST) return (a > b) | ((a != a) & (b == b));
  else return (a < b) | ((a == a) & (b != b));
}

template <class T> NPT_INLINE bool any_lane(Ints<T> mask) {
#if NPT_VECTOR_BYTES == 64
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif NPT_VECTOR_BYTES == 32
  return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#else
  Scalar<Ints<T> > any = 0;
  for (int l = 0; l < LANES<T>; l++) any |= mask[l];
  return any != 0;
#endif
}

template <bool LARGEST, class T> void foremost(const T* x, long size, long k, T* best, int64_t* places) {
  auto insert = [&](long i, long at) {
    for (; at > 0 && leads<LARGEST>(x[i], best[at - 1]); at--) {
      best[at] = best[at - 1];
      places[at] = places[at - 1];
    }
    best[at] = x[i];
    places[at] = i;
  };
  for (long i = 0; i < k; i++) insert(i, i);
  each_vector<T>(k, size, [&](long i, auto lanes) {
    const Ints<T> leading = leads<LARGEST>(first(load_upto(x + i, lanes), lanes, best[k - 1]), splat(best[k - 1]));
    if (!any_lane<T>(leading)) return;
    for (long l = 0; l < lanes; l++)
      if (leads<LARGEST>(x[i + l], best[k - 1])) insert(i + l, k - 1);
  });
}

}  // namespace

template <class T> void topk(long rows, long size, long k, bool largest, const T* x, int64_t* places) {
  const long tasks = smaller(rows, tasks_for(rows * size));
  parallel_for(tasks, [&](long t) {
    Scratch<T> best(k);
    for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++)
      (largest ? foremost<true, T> : foremost<false, T>)(x + r * size, size, k, best, places + r * k);
  });
}

NPT_BOTH_TYPES(topk)

}  // namespace nptorch::NPT_ISA

// What max and average pooling have in common.
#pragma once
#include "kernels.h"
#include "scratch.h"

namespace nptorch::NPT_ISA {

// body(begin, end) over runs of planes.
template <class F> void parallel_runs(const PoolShape& s, F body) {
  const long tasks = smaller(s.planes, tasks_for(s.planes * s.h * s.w));
  parallel_for(tasks, [&](long t) { body(cut(s.planes, tasks, t), cut(s.planes, tasks, t + 1)); });
}
template <class F> void parallel_planes(const PoolShape& s, F body) {
  parallel_runs(s, [&](long begin, long end) {
    for (long p = begin; p < end; p++) body(p);
  });
}

NPT_INLINE bool is_two_by_two(const PoolShape& s) {
  return s.kh == 2 && s.kw == 2 && s.sh == 2 && s.sw == 2 && s.ph == 0 && s.pw == 0 && s.dh == 1 && s.dw == 1;
}
// Whether every window lies in the image (ceil_mode can let the last ones hang over).
NPT_INLINE bool fits(const PoolShape& s) { return 2 * s.oh <= s.h && 2 * s.ow <= s.w; }

// The first n of a vector of numbers that lie `stride` apart.
template <class T> NPT_INLINE Vec<T> load_apart(const T* p, long stride, long n) {
  if (stride == 1) return load_upto(p, n);
  if (stride == 2) {
    const long numbers = 2 * n - 1;
    return evens(load_upto(p, numbers), load_upto(p + LANES<T>, numbers - LANES<T>), LaneIndices<Vec<T>>{});
  }
  T picked[LANES<T>] = {};
  for (long l = 0; l < n; l++) picked[l] = p[l * stride];
  return load(picked);
}

}  // namespace nptorch::NPT_ISA

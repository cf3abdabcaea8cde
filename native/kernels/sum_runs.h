// Sums that stay accurate in float32: runs of a few thousand numbers are added up in vectors, the runs in double.
#pragma once
#include "scratch.h"

namespace nptorch::NPT_ISA {

template <class T> constexpr long RUN = 256 * LANES<T>;  // 64 numbers in one lane of the four sums

// The sum of f(i, lanes) over the vectors of [0, n); f gives zeros beyond the lanes.
template <class T, class F> NPT_INLINE double sum_runs(long n, F f) {
  double total = 0;
  for (long i = 0; i < n;) {
    const long end = smaller(n, i + RUN<T>);
    Vec<T> sums[4] = {};
    for (; i + 4 * LANES<T> <= end; i += 4 * LANES<T>)
      NPT_UNROLL for (int k = 0; k < 4; k++) sums[k] += f(i + k * LANES<T>, std::integral_constant<long, LANES<T>>{});
    each_vector<T>(i, end, [&](long j, auto lanes) NPT_LAMBDA { sums[0] += f(j, lanes); });
    i = end;
    total += double(sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])));
  }
  return total;
}

}  // namespace nptorch::NPT_ISA

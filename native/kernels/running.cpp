// Running totals along the lines of x (outer, n, inner), kept in double as PyTorch keeps them.
#include "kernels.h"
#include "scratch.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr long TOGETHER = 4;   // lines that run side by side: one alone waits for each of its additions
constexpr long COLUMNS = 256;  // the same where they are neighbours in memory

// step(place, state) moves the state of a line on by one number and gives the total there.
template <long LINES, class T, class F>
NPT_INLINE void run_lines(const LineShape& s, long first, double start, T* y, F step) {
  double states[LINES];
  for (long l = 0; l < LINES; l++) states[l] = start;
  for (long i = 0; i < s.n; i++) {
    NPT_UNROLL for (long l = 0; l < LINES; l++) {
      const long at = (first + l) * s.n + (s.reverse ? s.n - 1 - i : i);
      y[at] = T(step(at, states[l]));
    }
  }
}

template <class T, class F> NPT_INLINE void run(const LineShape& s, double start, T* y, F step) {
  const long blocks = pieces(s.inner, COLUMNS), parts = s.inner == 1 ? s.outer : s.outer * blocks;
  const long tasks = smaller(parts, tasks_for(s.outer * s.n * s.inner));
  parallel_for(tasks, [&](long t) {
    long part = cut(parts, tasks, t);
    const long end = cut(parts, tasks, t + 1);
    if (s.inner == 1) {
      for (; part + TOGETHER <= end; part += TOGETHER) run_lines<TOGETHER>(s, part, start, y, step);
      for (; part < end; part++) run_lines<1>(s, part, start, y, step);
      return;
    }
    for (; part < end; part++) {
      const long begin = part % blocks * COLUMNS, width = smaller(COLUMNS, s.inner - begin);
      double states[COLUMNS];
      for (long c = 0; c < width; c++) states[c] = start;
      for (long i = 0; i < s.n; i++) {
        const long at = (part / blocks * s.n + (s.reverse ? s.n - 1 - i : i)) * s.inner + begin;
        for (long c = 0; c < width; c++) y[at + c] = T(step(at + c, states[c]));
      }
    }
  });
}

}  // namespace

template <class T> void cumsum(const LineShape& s, const T* __restrict x, T* __restrict y) {
  run(s, 0, y, [=](long at, double& total) NPT_LAMBDA { return total += double(x[at]); });
}

template <class T> void cumprod(const LineShape& s, const T* __restrict x, T* __restrict y) {
  run(s, 1, y, [=](long at, double& total) NPT_LAMBDA { return total *= double(x[at]); });
}

// y[i] = x[i] + a[i] * y[i - 1]; in reverse y[i] = x[i] + a[i + 1] * y[i + 1].
template <class T> void recurrence(const LineShape& s, const T* __restrict x, const T* __restrict a, T* __restrict y) {
  if (s.reverse)
    run(s, 0, y, [=](long at, double& carried) NPT_LAMBDA {
      const double total = double(x[at]) + carried;
      carried = double(a[at]) * total;
      return total;
    });
  else run(s, 0, y, [=](long at, double& total) NPT_LAMBDA { return total = double(x[at]) + double(a[at]) * total; });
}

NPT_BOTH_TYPES(cumsum)
NPT_BOTH_TYPES(cumprod)
NPT_BOTH_TYPES(recurrence)

}  // namespace nptorch::NPT_ISA

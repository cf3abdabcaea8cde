// Sums of a tensor seen as (outer, rows, kept, inner) over rows and inner. Float32 sums stay accurate because runs of a
// few thousand numbers are added up in vectors and the runs in double; the runs do not depend on the number of threads.
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

template <class T> constexpr long RUN = 256 * LANES<T>;  // numbers added up in their own type, 64 of them in one lane
constexpr long TASK = 32768;                             // numbers of one task of a sum of everything
constexpr long RUN_ROWS = 64;                            // rows added up before the next level
constexpr long TASK_ROWS = 4096;                         // rows of one task of a column sum
constexpr long MOST_PARTS = 32;                          // runs of rows of plane sums

template <class T> NPT_INLINE double sum_run(const T* x, long n) {
  Vec<T> sums[4] = {};
  long i = 0;
  for (; i + 4 * LANES<T> <= n; i += 4 * LANES<T>)
    for (int k = 0; k < 4; k++) sums[k] += load(x + i + k * LANES<T>);
  each_vector<T>(i, n, [&](long j, auto lanes) NPT_LAMBDA { sums[0] += load_upto(x + j, lanes); });
  return double(sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])));
}

// rows x inner numbers of one kept index; `stride` between rows.
template <class T> double sum_block(const T* x, long rows, long stride, long inner) {
  double total = 0;
  for (long r = 0; r < rows; r++)
    for (long i = 0; i < inner; i += RUN<T>) total += sum_run(x + r * stride + i, smaller(RUN<T>, inner - i));
  return total;
}

// Everything to one number, in parallel.
template <class T> T sum_all(const T* x, long n) {
  const long count = pieces(n, TASK);
  Scratch<double> parts(count);
  parallel_for(count, [&](long i) { parts[i] = sum_block(x + i * TASK, 1, 0, smaller(TASK, n - i * TASK)); });
  double total = 0;
  for (long i = 0; i < count; i++) total += parts[i];
  return T(total);
}

// Column sums of rows x columns.
template <class T> void sum_columns(const T* x, long rows, long columns, T* y) {
  each_vector<T>(0, columns, [&](long c, auto lanes) {
    Vec<T> total = {};
    for (long begin = 0; begin < rows; begin += RUN_ROWS) {
      Vec<T> sum = {};
      for (long r = begin; r < smaller(rows, begin + RUN_ROWS); r++) sum += load_upto(x + r * columns + c, lanes);
      total += sum;
    }
    store_upto(y + c, lanes, total);
  });
}

// The same of many rows: blocks of them in parallel, then the sum of the blocks.
template <class T> void sum_tall_columns(const T* x, long rows, long columns, T* y) {
  const long blocks = pieces(rows, TASK_ROWS);
  Scratch<T> parts(blocks * columns);
  parallel_for(blocks, [&](long b) {
    const long begin = b * TASK_ROWS;
    sum_columns<T>(x + begin * columns, smaller(TASK_ROWS, rows - begin), columns, parts + b * columns);
  });
  sum_columns<T>(parts, blocks, columns, y);
}

// Sums of the planes (kept, inner) over the rows: runs of rows in parallel, as the kernels before and after cut them.
template <class T> void sum_planes(const SumShape& s, const T* x, T* y) {
  const long parts = smaller(s.rows, MOST_PARTS);
  Scratch<double> sums(parts * s.kept);
  auto part = [&](long p) {
    for (long k = 0; k < s.kept; k++) sums[p * s.kept + k] = 0;
    for (long r = cut(s.rows, parts, p); r < cut(s.rows, parts, p + 1); r++)
      for (long k = 0; k < s.kept; k++)
        sums[p * s.kept + k] += sum_block(x + (r * s.kept + k) * s.inner, 1, 0, s.inner);
  };
  if (tasks_for(s.rows * s.kept * s.inner) == 1)
    for (long p = 0; p < parts; p++) part(p);
  else parallel_for(parts, part);
  for (long k = 0; k < s.kept; k++) {
    double total = 0;
    for (long p = 0; p < parts; p++) total += sums[p * s.kept + k];
    y[k] = T(total);
  }
}

}  // namespace

template <class T> void sum(const SumShape& s, const T* x, T* y) {
  if (s.inner == 1 && s.kept > 1) {
    const long tasks = smaller(s.outer, tasks_for(s.outer * s.rows * s.kept));
    parallel_for(tasks, [&](long t) {
      for (long o = cut(s.outer, tasks, t); o < cut(s.outer, tasks, t + 1); o++)
        sum_tall_columns<T>(x + o * s.rows * s.kept, s.rows, s.kept, y + o * s.kept);
    });
    return;
  }
  if (s.outer == 1 && s.kept == 1) {
    *y = sum_all(x, s.rows * s.inner);
    return;
  }
  if (s.outer == 1 && s.rows > 1) return sum_planes(s, x, y);
  if (s.kept == 1 && s.rows > 1) return sum<T>({s.outer, 1, 1, s.rows * s.inner}, x, y);  // neighbours in memory
  const long results = s.outer * s.kept,
             tasks = tasks_for(results * s.rows * s.inner) == 1 ? 1 : smaller(results, 8 * available_threads());
  parallel_for(tasks, [&](long t) {
    for (long i = cut(results, tasks, t); i < cut(results, tasks, t + 1); i++) {
      const long o = i / s.kept, k = i % s.kept;
      y[i] = T(sum_block(x + (o * s.rows * s.kept + k) * s.inner, s.rows, s.kept * s.inner, s.inner));
    }
  });
}

NPT_BOTH_TYPES(sum)

}  // namespace nptorch::NPT_ISA

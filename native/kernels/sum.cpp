// Sums of a tensor seen as (outer, rows, kept, inner) over rows and inner, in runs that do not depend on the
// number of threads.
#include "kernels.h"
#include "sum_runs.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr long TASK = 32768;      // numbers of one task of a sum of everything
constexpr long RUN_ROWS = 64;     // rows added up before the next level
constexpr long TASK_ROWS = 4096;  // rows of one task of a column sum
constexpr long MOST_PARTS = 32;   // runs of rows of plane sums

// rows x inner numbers of one kept index; `stride` between rows.
template <class T> NPT_INLINE double sum_block(const T* x, long rows, long stride, long inner) {
  double total = 0;
  for (long r = 0; r < rows; r++)
    total += sum_runs<T>(inner, [&](long i, auto lanes) NPT_LAMBDA { return load_upto(x + r * stride + i, lanes); });
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
      const long block = s.rows == 1 ? i : i / s.kept * s.rows * s.kept + i % s.kept;
      y[i] = T(sum_block(x + block * s.inner, s.rows, s.kept * s.inner, s.inner));
    }
  });
}

NPT_BOTH_TYPES(sum)

}  // namespace nptorch::NPT_ISA

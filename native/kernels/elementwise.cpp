// Arithmetic, element by element over contiguous arrays.
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

template <class T, class F> void map(long n, const T* x, T* y, F f) {
  parallel_vectors<T>(n, [&](long i, auto lanes) NPT_LAMBDA { store_upto(y + i, lanes, f(load_upto(x + i, lanes))); });
}

// with(f) for the vector function that a Binary names.
template <class F> NPT_INLINE void with_binary(Binary which, F with) {
  switch (which) {
    case Binary::add: return with([](auto a, auto b) NPT_LAMBDA { return a + b; });
    case Binary::subtract: return with([](auto a, auto b) NPT_LAMBDA { return a - b; });
    case Binary::multiply: return with([](auto a, auto b) NPT_LAMBDA { return a * b; });
    case Binary::divide: return with([](auto a, auto b) NPT_LAMBDA { return a / b; });
  }
}

}  // namespace

template <class T> void binary(Binary which, long n, const T* x, const T* y, T* out) {
  with_binary(which, [&](auto f) NPT_LAMBDA {
    parallel_vectors<T>(n, [&](long i, auto lanes) NPT_LAMBDA {
      store_upto(out + i, lanes, f(load_upto(x + i, lanes), load_upto(y + i, lanes)));
    });
  });
}

template <class T> void binary_scalar(Binary which, long n, const T* x, T y, bool y_first, T* out) {
  with_binary(which, [&](auto f) NPT_LAMBDA {
    if (y_first) map(n, x, out, [&](Vec<T> v) NPT_LAMBDA { return f(splat(y), v); });
    else map(n, x, out, [&](Vec<T> v) NPT_LAMBDA { return f(v, splat(y)); });
  });
}

template <class T> void binary_row(Binary which, long rows, long size, const T* x, const T* y, T* out) {
  const long tasks = smaller(rows, tasks_for(rows * size));
  with_binary(which, [&](auto f) NPT_LAMBDA {
    parallel_for(tasks, [&](long t) {
      for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++)
        each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
          store_upto(out + r * size + i, lanes, f(load_upto(x + r * size + i, lanes), load_upto(y + i, lanes)));
        });
    });
  });
}

template <class T>
void add_rows(long ahead, long among, long count, long size, const int64_t* numbers, const T* rows, T* out) {
  // Threads share the columns, so that each number's rows are added in their order.
  const long vectors = pieces(size, LANES<T>), tasks = smaller(vectors, tasks_for(ahead * count * size));
  parallel_for(tasks, [&](long t) {
    const long begin = cut(vectors, tasks, t) * LANES<T>, end = smaller(size, cut(vectors, tasks, t + 1) * LANES<T>);
    for (long i = 0; i < ahead * count; i++) {
      const long number = numbers[i % count];
      T* to = out + (i / count * among + number) * size;
      each_vector<T>(begin, end, [&](long k, auto lanes) NPT_LAMBDA {
        store_upto(to + k, lanes, load_upto(to + k, lanes) + load_upto(rows + i * size + k, lanes));
      });
    }
  });
}

NPT_BOTH_TYPES(add_rows)
NPT_BOTH_TYPES(binary)
NPT_BOTH_TYPES(binary_scalar)
NPT_BOTH_TYPES(binary_row)

}  // namespace nptorch::NPT_ISA

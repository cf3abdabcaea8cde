// Temporary arrays of a kernel, from the blocks that are kept for reuse.
#pragma once
#include "../runtime/memory.h"
#include "../runtime/threads.h"
#include "simd.h"

namespace nptorch {
[[noreturn]] void out_of_memory(size_t bytes);  // throws std::bad_alloc; outside the kernels, which use no exceptions

namespace NPT_ISA {

// An uninitialised, 64-byte aligned array that is given back at the end of its scope.
template <class T> class Scratch {
 public:
  NPT_INLINE explicit Scratch(size_t count) : data_(static_cast<T*>(allocate_scratch(count * sizeof(T)))) {
    if (!data_) out_of_memory(count * sizeof(T));
  }
  NPT_INLINE ~Scratch() { release_scratch(data_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  NPT_INLINE operator T*() const { return data_; }

 private:
  T* data_;
};

// How many tasks an elementwise loop over n numbers is worth: one for what fits a core's nearest cache.
NPT_INLINE long tasks_for(long n) { return n < 32768 ? 1 : smaller(available_threads(), n / 4096); }

// body(begin, end) over [0, n) in parallel, cut at whole vectors.
template <class T, class F> NPT_INLINE void parallel_ranges(long n, F body) {
  const long tasks = tasks_for(n), lanes = LANES<T>;
  parallel_for(tasks, [&](long t) {
    body(cut(n, tasks, t) / lanes * lanes, t + 1 == tasks ? n : cut(n, tasks, t + 1) / lanes * lanes);
  });
}

// body(i, lanes) for every vector of [0, n), the last one shorter; inlined twice so that whole vectors need no masks.
template <class T, class F> NPT_INLINE void each_vector(long begin, long end, F body) {
  for (; begin + LANES<T> <= end; begin += LANES<T>) body(begin, std::integral_constant<long, LANES<T>>{});
  if (begin < end) body(begin, end - begin);
}
template <class T, class F> NPT_INLINE void parallel_vectors(long n, F body) {
  parallel_ranges<T>(n, [&](long begin, long end) { each_vector<T>(begin, end, body); });
}

}  // namespace NPT_ISA
}  // namespace nptorch

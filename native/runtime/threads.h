// A pool of threads that claim the tasks of one parallel loop at a time.
#pragma once
#include <type_traits>

namespace nptorch {

using Task = void (*)(void* context, long index);

// Runs task(context, i) for every i in [0, count), the caller helping; returns when all are done. From inside a task,
// or while another thread uses the pool, the caller runs them all itself: the same tasks, so the same bits.
void run_tasks(Task task, void* context, long count);

// How many threads a loop may use here: the setting, or 1 inside a task. Kernels cut their work by this number.
int available_threads();

// Whether this is code of a task.
bool inside_task();

int get_num_threads();
void set_num_threads(int count);

// Physical cores that this process may run on (affinity mask and cgroup quota respected), at least 1.
int allowed_cores();

template <class F> inline __attribute__((always_inline)) void parallel_for(long count, F&& body) {
  if (count == 1) return body(0);  // not inside a task: loops in it may still be parallel
  run_tasks([](void* context, long i) { (*static_cast<std::remove_reference_t<F>*>(context))(i); }, (void*)&body,
            count);
}

}  // namespace nptorch

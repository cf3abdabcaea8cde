// Workers spin for a moment after their last task, then sleep. Tasks are claimed one by one and the caller waits only
// for tasks that somebody claimed, so a worker that the system has descheduled holds nobody up.
#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace nptorch {
namespace {

constexpr std::chrono::microseconds SPIN{50};
constexpr int SPINS_BETWEEN_CLOCKS = 32;
constexpr int SPINS_BEFORE_YIELD = 2000;

thread_local bool inside_task = false;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

class Pool {
 public:
  void run(Task task, void* context, long count, int threads) {
    std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (!owner.owns_lock()) return run_alone(task, context, count);
    try {
      for (; workers_ < threads - 1; workers_++) std::thread([this] { work(); }).detach();
    } catch (const std::exception&) {
      // The system refuses more threads: the ones there are claim all tasks.
    }
    uint32_t round = uint32_t(ticket_.load() >> 32) + 1;
    ticket_.store(pack(round, NO_TASK));  // no claim succeeds while the job is being exchanged
    task_.store(task);
    context_.store(context);
    count_.store(uint32_t(count));
    helpers_.store(threads - 1);
    done_.store(0);
    ticket_.store(pack(round, 0));
    round_.store(round);
    if (sleepers_.load() > 0) {
      std::lock_guard<std::mutex> lock(sleep_);
      wake_.notify_all();
    }
    while (claim()) {
    }
    for (int spins = 0; done_.load(std::memory_order_acquire) < count; spins++) {
      if (spins < SPINS_BEFORE_YIELD) relax();
      else sched_yield();
    }
  }

  static void run_alone(Task task, void* context, long count) {
    bool outer = inside_task;
    inside_task = true;
    for (long i = 0; i < count; i++) task(context, i);
    inside_task = outer;
  }

 private:
  static constexpr uint32_t NO_TASK = 0xffffffffu;
  static uint64_t pack(uint32_t round, uint32_t next) { return uint64_t(round) << 32 | next; }

  // Runs one task of the current round if one is left. The round in the ticket makes a claim of a finished round fail.
  bool claim() {
    uint64_t ticket = ticket_.load(std::memory_order_acquire);
    for (;;) {
      uint32_t next = uint32_t(ticket);
      if (next >= count_.load(std::memory_order_relaxed)) return false;
      Task task = task_.load(std::memory_order_relaxed);
      void* context = context_.load(std::memory_order_relaxed);
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel, std::memory_order_acquire))
        continue;
      inside_task = true;
      task(context, next);
      inside_task = false;
      done_.fetch_add(1, std::memory_order_release);
      return true;
    }
  }

  void work() {
    const int number = started_.fetch_add(1);
    using Clock = std::chrono::steady_clock;
    Clock::time_point idle_since = Clock::now();
    for (int spins = 0;; spins++) {
      uint32_t round = round_.load();
      if (number < helpers_.load(std::memory_order_relaxed) && claim()) {
        idle_since = Clock::now();
        continue;
      }
      relax();
      if (spins % SPINS_BETWEEN_CLOCKS || Clock::now() - idle_since < SPIN) continue;
      std::unique_lock<std::mutex> lock(sleep_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, [&] { return round_.load() != round; });
      sleepers_.fetch_sub(1);
      idle_since = Clock::now();
    }
  }

  std::mutex owner_;                                // held by the thread whose loop is running
  std::atomic<uint64_t> ticket_{pack(0, NO_TASK)};  // round << 32 | next task
  std::atomic<uint32_t> count_{0}, round_{0};
  std::atomic<long> done_{0};
  std::atomic<Task> task_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<int> helpers_{0}, started_{0}, sleepers_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
  int workers_ = 0;
};

// Never destroyed: workers may still spin while the process exits. A forked child has none of the workers, so it starts
// over with a pool of its own.
Pool* pool = new Pool;
const int after_fork = pthread_atfork(nullptr, nullptr, [] {
  inside_task = false;
  pool = new Pool;
});

int default_threads() {
  const char* text = getenv("NPTORCH_NUM_THREADS");
  int asked = text ? atoi(text) : 0;
  return asked > 0 ? asked : allowed_cores();
}
std::atomic<int> num_threads{default_threads()};

}  // namespace

int get_num_threads() { return num_threads.load(std::memory_order_relaxed); }
void set_num_threads(int count) { num_threads.store(count); }
int available_threads() { return inside_task ? 1 : get_num_threads(); }

void run_tasks(Task task, void* context, long count) {
  int threads = available_threads();
  if (threads == 1 || count <= 1) return Pool::run_alone(task, context, count);
  pool->run(task, context, count, threads);
}

}  // namespace nptorch

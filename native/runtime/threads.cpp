// Workers spin for a moment after their last task, then sleep. Tasks are claimed one by one and the caller waits only
// for tasks that somebody claimed, so a worker that the system has descheduled holds nobody up.
//
// Each thread has an even share of the tasks, so that thread 1 of one loop finds in its cache what thread 1 of the loop
// before has left there: memory that has to come from another core's cache can cost more than the arithmetic. A thread
// that is done helps the others only after a while.
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

constexpr std::chrono::microseconds SPIN{300};  // longer than what lies between two kernels of a training step
using Clock = std::chrono::steady_clock;
constexpr Clock::duration MOST_PATIENCE = std::chrono::microseconds(100);
constexpr std::chrono::milliseconds LATE{2}, ALONE{50};
constexpr int SPINS_BETWEEN_CLOCKS = 32;
constexpr int SPINS_BEFORE_YIELD = 2000;

thread_local bool in_task = false;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// One thread's share of the tasks. The round in the ticket makes a claim of a finished round fail.
struct alignas(64) Share {
  std::atomic<uint64_t> ticket{0};  // round << 32 | next task
  std::atomic<uint32_t> end{0};
};
constexpr uint32_t NO_TASK = 0xffffffffu;
constexpr uint64_t pack(uint32_t round, uint32_t next) { return uint64_t(round) << 32 | next; }

class Pool {
 public:
  void run(Task task, void* context, long count, int threads) {
    std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    const Clock::time_point start = Clock::now();
    if (!owner.owns_lock() || start < alone_until_) return run_alone(task, context, count);
    threads = threads < MAX_THREADS ? threads : MAX_THREADS;
    try {
      for (; workers_ < threads - 1; workers_++) std::thread([this] { work(); }).detach();
    } catch (const std::exception&) {
      // The system refuses more threads: the ones there are claim all tasks.
    }
    const uint32_t round = round_.load() + 1;
    // No claim succeeds while the job is being exchanged.
    for (int i = 0; i < shares_used_ || i < threads; i++) shares_[i].ticket.store(pack(round, NO_TASK));
    task_.store(task);
    context_.store(context);
    shares_used_ = threads;
    threads_.store(threads);
    done_.store(0);
    const int shares = count < threads ? int(count) : threads;
    for (int i = 0; i < threads; i++) shares_[i].end.store(i < shares ? uint32_t(count * (i + 1) / shares) : 0);
    for (int i = 0; i < shares; i++) shares_[i].ticket.store(pack(round, uint32_t(count * i / shares)));
    round_.store(round);
    if (sleepers_.load() > 0) {
      std::lock_guard<std::mutex> lock(sleep_);
      wake_.notify_all();
    }
    help(0, threads);
    const Clock::time_point helped = Clock::now();
    for (int spins = 0; done_.load(std::memory_order_acquire) < count; spins++) {
      if (spins < SPINS_BEFORE_YIELD) relax();
      else sched_yield();
    }
    // A worker that other processes keep from its core in the middle of a task costs more than the workers are worth.
    const Clock::duration waited = Clock::now() - helped;
    if (waited > LATE && waited > 3 * (helped - start)) alone_until_ = helped + waited + ALONE;
  }

  static void run_alone(Task task, void* context, long count) {
    bool outer = in_task;
    in_task = true;
    for (long i = 0; i < count; i++) task(context, i);
    in_task = outer;
  }

 private:
  // Runs this thread's share, then what is left of the others; whether it found anything.
  bool help(int number, int threads) {
    const Clock::time_point start = Clock::now();
    long found = run_share(shares_[number]);
    if (found) {
      done_.fetch_add(found, std::memory_order_release);
      const Clock::time_point now = Clock::now();
      const Clock::duration patience = (now - start) / 2;
      const Clock::time_point end = now + (patience < MOST_PATIENCE ? patience : MOST_PATIENCE);
      while (any_left(threads) && Clock::now() < end) relax();
    }
    long helped = 0;
    for (int i = 1; i < threads; i++)
      helped += run_share(shares_[number + i < threads ? number + i : number + i - threads]);
    if (helped) done_.fetch_add(helped, std::memory_order_release);
    return found + helped > 0;
  }

  bool any_left(int threads) const {
    for (int i = 0; i < threads; i++)
      if (uint32_t(shares_[i].ticket.load(std::memory_order_relaxed)) < shares_[i].end.load(std::memory_order_relaxed))
        return true;
    return false;
  }

  long run_share(Share& share) {
    long tasks = 0;
    while (claim(share)) tasks++;
    return tasks;
  }

  // Runs one task of a share if one is left in the current round.
  bool claim(Share& share) {
    uint64_t ticket = share.ticket.load(std::memory_order_acquire);
    for (;;) {
      uint32_t next = uint32_t(ticket);
      if (next >= share.end.load(std::memory_order_relaxed)) return false;
      Task task = task_.load(std::memory_order_relaxed);
      void* context = context_.load(std::memory_order_relaxed);
      if (!share.ticket.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel,
                                              std::memory_order_acquire))
        continue;
      in_task = true;
      task(context, next);
      in_task = false;
      return true;
    }
  }

  void work() {
    const int number = started_.fetch_add(1) + 1;  // 0 is the caller
    Clock::time_point idle_since = Clock::now();
    uint32_t seen = 0;
    for (int spins = 0;; spins++) {
      // A new round, and nothing else, makes a worker look for tasks: all shares are out by then, its own among them.
      const uint32_t round = round_.load();
      const int threads = threads_.load(std::memory_order_relaxed);
      if (round != seen) {
        seen = round;
        if (number < threads && help(number, threads)) idle_since = Clock::now();
        continue;
      }
      relax();
      if (spins % SPINS_BETWEEN_CLOCKS || Clock::now() - idle_since < SPIN) continue;
      std::unique_lock<std::mutex> lock(sleep_);
      sleepers_.fetch_add(1);
      wake_.wait(lock, [&] { return round_.load() != seen; });
      sleepers_.fetch_sub(1);
      idle_since = Clock::now();
    }
  }

  static constexpr int MAX_THREADS = 128;
  Share shares_[MAX_THREADS];
  std::mutex owner_;  // held by the thread whose loop is running
  Clock::time_point alone_until_{};
  int workers_ = 0, shares_used_ = 0;
  std::atomic<Task> task_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::atomic<int> threads_{0}, started_{0}, sleepers_{0};
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<long> done_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
};

// Never destroyed: workers may still spin while the process exits. A forked child has none of the workers, so it starts
// over with a pool of its own.
Pool* pool = new Pool;
const int after_fork = pthread_atfork(nullptr, nullptr, [] {
  in_task = false;
  pool = new Pool;
});

// What the environment asks for, by our name or by the one that PyTorch reads, or all cores.
int default_threads() {
  for (const char* name : {"NPTORCH_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char* text = getenv(name);
    if (const int asked = text ? atoi(text) : 0; asked > 0) return asked;
  }
  return allowed_cores();
}
std::atomic<int> num_threads{default_threads()};

}  // namespace

int get_num_threads() { return num_threads.load(std::memory_order_relaxed); }
void set_num_threads(int count) { num_threads.store(count); }
bool inside_task() { return in_task; }
int available_threads() { return in_task ? 1 : get_num_threads(); }

void run_tasks(Task task, void* context, long count) {
  int threads = available_threads();
  if (threads == 1 || count <= 1) return Pool::run_alone(task, context, count);
  pool->run(task, context, count, threads);
}

}  // namespace nptorch

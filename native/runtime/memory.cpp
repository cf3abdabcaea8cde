#include "memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <mutex>

#include "threads.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace nptorch {
namespace {

constexpr size_t ALIGNMENT = 64;
constexpr size_t SMALLEST = 64;
constexpr size_t PAGED = size_t(1) << 20;  // from here on a block is a mapping of its own, whose fresh pages are zeros
constexpr size_t HUGE_PAGE = size_t(2) << 20;
constexpr int STEPS = 8;  // sizes per power of two, so that rounding up wastes at most an eighth
constexpr int BINS = 48 * STEPS;

// Stands in the 64 bytes before each block. While the block is kept, it is in the list of its bin (newest first,
// because that one is warm in the cache) and in the list of all kept blocks (newest first, so that the oldest can be
// dropped).
struct Header {
  size_t capacity;
  size_t mapped;  // length of the mapping, 0 if the block came from malloc
  int bin;
  Header *bin_next, *bin_previous, *newer, *older;
};
static_assert(sizeof(Header) <= ALIGNMENT, "the header must fit before the block");

Header* header_of(void* block) { return reinterpret_cast<Header*>(static_cast<char*>(block) - ALIGNMENT); }
void* block_of(Header* header) { return reinterpret_cast<char*>(header) + ALIGNMENT; }

struct SizeClass {
  int bin;
  size_t capacity;
};
SizeClass size_class(size_t bytes) {
  if (bytes < SMALLEST) bytes = SMALLEST;
  int power = 63 - __builtin_clzll(bytes);
  size_t base = size_t(1) << power, step = base / STEPS, extra = (bytes - base + step - 1) / step;
  return {(power - 6) * STEPS + int(extra), base + extra * step};
}

class Cache {
 public:
  Header* take(int bin) {
    std::lock_guard<std::mutex> lock(mutex_);
    Header* header = bins_[bin];
    if (!header) {
      stats_.fresh++;
      return nullptr;
    }
    unlink(header);
    stats_.reused++;
    stats_.live += header->capacity;
    return header;
  }

  void count_fresh(size_t capacity) {
    std::lock_guard<std::mutex> lock(mutex_);
    stats_.live += capacity;
  }

  void keep(Header* header) {
    std::lock_guard<std::mutex> lock(mutex_);
    stats_.live -= header->capacity;
    link(header);
    shrink(stats_.limit);
  }

  size_t shrink_to(size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    size_t before = stats_.kept;
    shrink(bytes);
    return before - stats_.kept;
  }

  void set_limit(size_t bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    stats_.limit = bytes;
    shrink(bytes);
  }

  MemoryStats stats() {
    std::lock_guard<std::mutex> lock(mutex_);
    return stats_;
  }

  std::mutex& mutex() { return mutex_; }

  static void give_back(Header* header) {
    ASAN_UNPOISON_MEMORY_REGION(block_of(header), header->capacity);
    if (header->mapped) munmap(reinterpret_cast<char*>(header) + ALIGNMENT - mapping_lead(), header->mapped);
    else free(header);
  }
  // A mapping starts one page early, so that the block itself starts on a page and its header lies just before.
  static size_t mapping_lead() { return 4096; }

 private:
  void link(Header* header) {
    Header*& head = bins_[header->bin];
    header->bin_previous = nullptr;
    header->bin_next = head;
    if (head) head->bin_previous = header;
    head = header;
    header->newer = nullptr;
    header->older = newest_;
    (newest_ ? newest_->newer : oldest_) = header;
    newest_ = header;
    stats_.kept += header->capacity;
  }

  void unlink(Header* header) {
    (header->bin_previous ? header->bin_previous->bin_next : bins_[header->bin]) = header->bin_next;
    if (header->bin_next) header->bin_next->bin_previous = header->bin_previous;
    (header->newer ? header->newer->older : newest_) = header->older;
    (header->older ? header->older->newer : oldest_) = header->newer;
    stats_.kept -= header->capacity;
  }

  void shrink(size_t bytes) {
    while (stats_.kept > bytes) {
      Header* header = oldest_;
      unlink(header);
      give_back(header);
    }
  }

  // NPTORCH_MEMORY_LIMIT in bytes, or a quarter of the machine's memory up to 4 GiB.
  static size_t default_limit() {
    if (const char* text = getenv("NPTORCH_MEMORY_LIMIT")) return strtoull(text, nullptr, 10);
    size_t memory = size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGESIZE)), most = size_t(4) << 30;
    return memory / 4 < most ? memory / 4 : most;
  }

  std::mutex mutex_;
  Header* bins_[BINS] = {};
  Header *newest_ = nullptr, *oldest_ = nullptr;
  MemoryStats stats_{0, 0, default_limit(), 0, 0};
};

// Never destroyed: arrays may outlive every destructor of the process.
Cache& cache = *new Cache;
const int around_fork =
    pthread_atfork([] { cache.mutex().lock(); }, [] { cache.mutex().unlock(); }, [] { cache.mutex().unlock(); });

Header* map_block(size_t capacity) {
  size_t lead = Cache::mapping_lead(), length = capacity + lead;
  void* start = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  if (capacity >= 2 * HUGE_PAGE) madvise(start, length, MADV_HUGEPAGE);
#endif
  Header* header = header_of(static_cast<char*>(start) + lead);
  header->mapped = length;
  return header;
}

Header* malloc_block(size_t capacity) {
  void* start = nullptr;
  if (posix_memalign(&start, ALIGNMENT, capacity + ALIGNMENT) != 0) return nullptr;
  Header* header = static_cast<Header*>(start);
  header->mapped = 0;
  return header;
}

// A thread's own stack of temporary arrays. Tasks that took them from the shared blocks would wait for its lock, and get
// memory that lies in another core's cache.
class Stack {
 public:
  ~Stack() {
    ASAN_UNPOISON_MEMORY_REGION(start_, SIZE);
    release(start_);
  }
  void* push(size_t bytes) {
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!start_) {
      start_ = static_cast<char*>(allocate(SIZE));
      ASAN_POISON_MEMORY_REGION(start_, start_ ? SIZE : 0);
    }
    if (!start_ || bytes > SIZE - used_) return nullptr;
    char* block = start_ + used_;
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    used_ += bytes;
    return block;
  }
  // Whether the block was the stack's; blocks come back in the opposite order.
  bool pop(void* block) {
    char* place = static_cast<char*>(block);
    if (!start_ || place < start_ || place >= start_ + SIZE) return false;
    ASAN_POISON_MEMORY_REGION(place, start_ + used_ - place);
    used_ = place - start_;
    return true;
  }

 private:
  static constexpr size_t SIZE = size_t(2) << 20;
  char* start_ = nullptr;
  size_t used_ = 0;
};
// What a task takes is used by its thread alone; what the caller of a parallel loop takes, all threads write. They lie
// apart, so that a task's memory stays in the cache of its own core.
thread_local Stack own, common;

}  // namespace

void* allocate_scratch(size_t bytes) {
  void* block = bytes < PAGED ? (inside_task() ? own : common).push(bytes) : nullptr;
  return block ? block : allocate(bytes);
}
void release_scratch(void* block) {
  if (!own.pop(block) && !common.pop(block)) release(block);
}

void* allocate(size_t bytes, bool zeroed) {
  if (bytes > SIZE_MAX / 4) return nullptr;
  SizeClass size = size_class(bytes);
  Header* header = cache.take(size.bin);
  bool reused = header != nullptr;
  if (!reused) {
    header = size.capacity >= PAGED ? map_block(size.capacity) : malloc_block(size.capacity);
    if (!header) return nullptr;
    header->capacity = size.capacity;
    header->bin = size.bin;
    cache.count_fresh(size.capacity);
  }
  char* block = static_cast<char*>(block_of(header));
  ASAN_UNPOISON_MEMORY_REGION(block, size.capacity);
  if (zeroed && (reused || !header->mapped)) memset(block, 0, bytes);
  // The address sanitizer shall see the end that was asked for, not the one that was rounded up to.
  ASAN_POISON_MEMORY_REGION(block + bytes, size.capacity - bytes);
  return block;
}

void release(void* block) {
  if (block) cache.keep(header_of(block));
}

void* reallocate(void* block, size_t bytes) {
  if (!block) return allocate(bytes);
  size_t capacity = header_of(block)->capacity;
  ASAN_UNPOISON_MEMORY_REGION(block, capacity);
  if (bytes <= capacity && bytes > capacity / 2) return block;
  void* moved = allocate(bytes);
  if (!moved) return nullptr;
  memcpy(moved, block, bytes < capacity ? bytes : capacity);
  release(block);
  return moved;
}

size_t release_memory() { return cache.shrink_to(0); }
void set_memory_limit(size_t bytes) { cache.set_limit(bytes); }
MemoryStats memory_stats() { return cache.stats(); }

}  // namespace nptorch

// Blocks of memory that are kept for reuse when they are given back: a fresh page costs more than most kernels.
#pragma once
#include <stddef.h>

namespace nptorch {

// Memory for at least `bytes`, 64-byte aligned, or nullptr if there is none; `zeroed` asks for zeros.
void* allocate(size_t bytes, bool zeroed = false);
void release(void* block);

// The same for an array of one scope: small ones are on a stack of the calling thread, so they go back on this thread, the
// last one first.
void* allocate_scratch(size_t bytes);
void release_scratch(void* block);
void* reallocate(void* block, size_t bytes);

// Gives every kept block back to the system; returns how many bytes that was.
size_t release_memory();

// Keeps at most this many unused bytes, dropping the longest unused blocks first.
void set_memory_limit(size_t bytes);

struct MemoryStats {
  size_t live;    // bytes in use
  size_t kept;    // bytes kept for reuse
  size_t limit;   // the most bytes that are kept
  size_t reused;  // allocations served from kept blocks
  size_t fresh;   // allocations that went to the system
};
MemoryStats memory_stats();

}  // namespace nptorch

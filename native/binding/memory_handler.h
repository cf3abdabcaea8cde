// NumPy's arrays on the blocks that are kept for reuse.
#pragma once

namespace nptorch {

// Makes the arrays that this thread creates from now on use kept blocks. NumPy keeps its allocator in a context variable,
// so it holds for one thread's context: importing the module sets it for the importing thread, and every other thread gets
// it on its first native call. Arrays that exist already keep the allocator they were made with.
void use_cached_memory();

}  // namespace nptorch

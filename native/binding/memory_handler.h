// NumPy's arrays on the blocks that are kept for reuse.
#pragma once

namespace nptorch {

// Makes the arrays created from now on use kept blocks. NumPy keeps its allocator in a context variable, so this holds
// for the current context (contextvars): importing the module sets it for the importing thread, a native call that
// makes an array sets it wherever it runs. Arrays that exist already keep the allocator they were made with.
void use_cached_memory();

}  // namespace nptorch

#include "memory_handler.h"

#include "../runtime/memory.h"
#include "arguments.h"

namespace nptorch {
namespace {

// NumPy counts on a real block even for an empty array.
size_t at_least_one(size_t bytes) { return bytes ? bytes : 1; }

PyDataMem_Handler handler = {
    "nptorch",
    1,
    {
        nullptr,
        [](void*, size_t bytes) { return allocate(at_least_one(bytes)); },
        [](void*, size_t count, size_t size) -> void* {
          size_t bytes = 0;
          if (__builtin_mul_overflow(count, size, &bytes)) return nullptr;
          return allocate(at_least_one(bytes), true);
        },
        [](void*, void* block, size_t bytes) { return reallocate(block, at_least_one(bytes)); },
        [](void*, void* block, size_t) { release(block); },
    },
};

}  // namespace

void use_cached_memory() {
  static PyObject* capsule = PyCapsule_New(&handler, "mem_handler", nullptr);
  if (!capsule) throw PythonError();
  PyObject* current = PyDataMem_GetHandler();
  Py_XDECREF(current);
  if (current == capsule) return;
  PyObject* previous = PyDataMem_SetHandler(capsule);
  if (!previous) throw PythonError();
  Py_DECREF(previous);
}

}  // namespace nptorch

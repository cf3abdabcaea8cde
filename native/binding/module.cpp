// nptorch._native: the module and the choice of the instruction set.
#define NPT_IMPORTS_NUMPY
#include "functions.h"

#include <stdlib.h>
#include <string.h>

#include "../kernels/kernels.h"
#include "../runtime/memory.h"
#include "../runtime/threads.h"
#include "memory_handler.h"

namespace nptorch {

#define NPT_DECLARE_TABLES(isa)                \
  namespace isa {                              \
  extern const Kernels<float> float_kernels;   \
  extern const Kernels<double> double_kernels; \
  }
NPT_DECLARE_TABLES(baseline)
#if defined(NPT_X86)
NPT_DECLARE_TABLES(avx2)
NPT_DECLARE_TABLES(avx512)
#endif

namespace {

struct InstructionSet {
  const char* name;
  bool available;
  const Kernels<float>* float_kernels;
  const Kernels<double>* double_kernels;
};

InstructionSet chosen;

// The widest that this processor has, or the one that NPTORCH_ISA names.
void choose_instruction_set() {
#if defined(NPT_X86)
  __builtin_cpu_init();
  const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  const InstructionSet sets[] = {
#if defined(NPT_X86)
      {"avx512", has_avx512, &avx512::float_kernels, &avx512::double_kernels},
      {"avx2", has_avx2, &avx2::float_kernels, &avx2::double_kernels},
#endif
      {"baseline", true, &baseline::float_kernels, &baseline::double_kernels},
  };
  const char* asked = getenv("NPTORCH_ISA");
  if (asked && !*asked) asked = nullptr;
  for (const InstructionSet& set : sets) {
    if (asked ? strcmp(asked, set.name) != 0 : !set.available) continue;
    if (!set.available)
      fail(PyExc_ImportError, "NPTORCH_ISA=%s: this processor does not have it; unset NPTORCH_ISA", asked);
    chosen = set;
    return;
  }
  fail(PyExc_ImportError, "NPTORCH_ISA=%s is unknown here; use baseline, avx2 or avx512, or unset it", asked);
}

PyObject* isa(const Call& call) {
  Arguments in("isa", call, 0);
  return PyUnicode_FromString(chosen.name);
}

PyObject* set_num_threads(const Call& call) {
  Arguments in("set_num_threads", call, 1);
  nptorch::set_num_threads(int(in.integer("count", 1, 1024)));
  Py_RETURN_NONE;
}

PyObject* get_num_threads(const Call& call) {
  Arguments in("get_num_threads", call, 0);
  return PyLong_FromLong(nptorch::get_num_threads());
}

PyObject* release_memory(const Call& call) {
  Arguments in("release_memory", call, 0);
  return PyLong_FromSize_t(nptorch::release_memory());
}

PyObject* set_memory_limit(const Call& call) {
  Arguments in("set_memory_limit", call, 1);
  nptorch::set_memory_limit(size_t(in.integer("bytes", 0, 1L << 62)));
  Py_RETURN_NONE;
}

PyObject* memory_stats(const Call& call) {
  Arguments in("memory_stats", call, 0);
  const MemoryStats s = nptorch::memory_stats();
  return Py_BuildValue("{s:n,s:n,s:n,s:n,s:n}", "live", s.live, "kept", s.kept, "limit", s.limit, "reused", s.reused,
                       "fresh", s.fresh);
}

PyObject* use_cached_memory(const Call& call) {
  Arguments in("use_cached_memory", call, 0);
  nptorch::use_cached_memory();
  Py_RETURN_NONE;
}

}  // namespace

template <> const Kernels<float>& kernels<float>() { return *chosen.float_kernels; }
template <> const Kernels<double>& kernels<double>() { return *chosen.double_kernels; }

PyMethodDef runtime_functions[] = {
    NPT_METHOD(isa, "isa(): the instruction set in use, 'baseline', 'avx2' or 'avx512'."),
    NPT_METHOD(set_num_threads, "set_num_threads(count): how many threads a kernel may use."),
    NPT_METHOD(get_num_threads, "get_num_threads(): how many threads a kernel may use."),
    NPT_METHOD(release_memory, "release_memory(): give unused memory back to the system; returns the bytes."),
    NPT_METHOD(set_memory_limit, "set_memory_limit(bytes): keep at most this much unused memory for reuse."),
    NPT_METHOD(memory_stats, "memory_stats(): bytes live, kept and the limit; allocations reused and fresh."),
    NPT_METHOD(use_cached_memory, "use_cached_memory(): let this thread's NumPy arrays use the reused memory."),
    {}};

}  // namespace nptorch

PyMODINIT_FUNC PyInit__native() {
  using namespace nptorch;
  import_array();
  static PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                   "nptorch._native",
                                   "Native kernels of nptorch.",
                                   -1,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   nullptr,
                                   nullptr};
  PyObject* module = PyModule_Create(&definition);
  if (!module) return nullptr;
  try {
    choose_instruction_set();
    nptorch::use_cached_memory();
  } catch (const PythonError&) {
    Py_DECREF(module);
    return nullptr;
  }
  for (PyMethodDef* family :
       {linear_algebra_functions, convolution_functions, pooling_functions, normalization_functions, loss_functions,
        elementwise_functions, running_functions, topk_functions, activation_functions, pair_loss_functions,
        recurrent_functions, optimizer_functions, image_functions, random_functions, runtime_functions}) {
    if (PyModule_AddFunctions(module, family) < 0) {
      Py_DECREF(module);
      return nullptr;
    }
  }
  return module;
}

// The kernels of one instruction set, as tables that the rest of the module can choose between.
#include "kernels.h"

namespace nptorch::NPT_ISA {

template <class T> constexpr Kernels<T> table() {
  return {
#define NPT_ENTRY(name, parameters) NPT_ISA::name<T>,
      NPT_KERNELS(NPT_ENTRY)
#undef NPT_ENTRY
          NPT_ISA::image_batch,
          NPT_ISA::random_words,
          NPT_ISA::shuffle,
  };
}
extern const Kernels<float> float_kernels;
extern const Kernels<double> double_kernels;
const Kernels<float> float_kernels = table<float>();
const Kernels<double> double_kernels = table<double>();

}  // namespace nptorch::NPT_ISA

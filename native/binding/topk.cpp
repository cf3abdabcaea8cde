#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

// Each number found is put in its place among the others: quick for a few, or where few are found.
bool is_quick(long k, long size) { return k <= 8 || k * k <= size; }

PyObject* topk_places(const Call& call) {
  Arguments in("topk_places", call, 3);
  Array x = in.floats("x");
  in.expect(x.ndim() >= 1, "x", "must have a dimension");
  std::vector<long> shape = x.shape();
  const long size = shape.back(), k = in.integer("k", 1, size);
  const bool largest = in.boolean("largest");
  if (!is_quick(k, size)) return declined();
  shape.back() = k;
  Array places = Array::create(shape, NPY_INT64);
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().topk(x.size() / size, size, k, largest, x.data<T>(), places.data<int64_t>());
  });
  return places.give();
}

}  // namespace

PyMethodDef topk_functions[] = {
    NPT_KERNEL(
        topk_places, 1,
        "topk_places(x, k, largest): where the k largest (or smallest) numbers of the last axis stand, in order; for "
        "few of many."),
    {}};

}  // namespace nptorch

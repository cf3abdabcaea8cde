#include <algorithm>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

constexpr long EXACT = 1L << 53;  // a double holds every integer up to it

// Reads a Python float or int, which takes the type of the array beside it; exact only, since a bool is an int.
bool is_number(PyObject* value, double* number) {
  if (PyFloat_CheckExact(value)) {
    *number = PyFloat_AS_DOUBLE(value);
    return true;
  }
  if (!PyLong_CheckExact(value)) return false;
  int overflow;
  const long integer = PyLong_AsLongAndOverflow(value, &overflow);
  *number = double(integer);
  return !overflow && integer >= -EXACT && integer <= EXACT;
}

// y is as x, one number, or one row: (size) of x (..., size).
template <Binary f> PyObject* binary(const char* name, const Call& call) {
  Arguments in(name, call, 3);
  PyObject* given_x = in.next("x");
  PyObject* given = in.next("y");
  double number = 0;
  bool scalar = is_number(given, &number), same = false;
  if (scalar && !PyArray_IS_C_CONTIGUOUS(reinterpret_cast<PyArrayObject*>(given_x)))
    return declined();  // NumPy keeps its order
  Array x = in.as_floats(given_x, "x");
  Array y;
  if (!scalar) {
    if (!is_taken(&given, 1)) return declined();
    y = in.as_floats(given, "y");
    scalar = y.size() == 1 && y.ndim() <= x.ndim();
    same = x.shape() == y.shape();
    const bool row = x.ndim() >= 1 && y.ndim() == 1 && y.shape(0) == x.shape(x.ndim() - 1);
    if (y.type() != x.type() || !(same || scalar || row)) return declined();
  }
  Array out = in.result_as(x);
  if (!out) return declined();
  const long n = x.size();
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked{double(n)};
    if (same) kernels<T>().binary(f, n, x.data<T>(), y.data<T>(), out.data<T>());
    else if (scalar) kernels<T>().binary_scalar(f, n, x.data<T>(), y ? *y.data<T>() : T(number), out.data<T>());
    else kernels<T>().binary_row(f, n / y.size(), y.size(), x.data<T>(), y.data<T>(), out.data<T>());
  });
  return out.give();
}
PyObject* add(const Call& call) { return binary<Binary::add>("add", call); }
PyObject* sub(const Call& call) { return binary<Binary::subtract>("sub", call); }
PyObject* mul(const Call& call) { return binary<Binary::multiply>("mul", call); }
PyObject* div(const Call& call) { return binary<Binary::divide>("div", call); }

// The axes of x, merged with their neighbours: sizes that are kept and summed in turn, at least four, a kept one first.
struct SumBlocks {
  std::vector<long> sizes{1}, kept_shape;
};
SumBlocks sum_blocks(const Array& x, const std::vector<long>& axes, bool keepdims) {
  SumBlocks blocks;
  bool summing = false;
  for (int i = 0; i < x.ndim(); i++) {
    const bool summed = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (summed == summing) blocks.sizes.back() *= x.shape(i);
    else blocks.sizes.push_back(x.shape(i));
    summing = summed;
    if (!summed || keepdims) blocks.kept_shape.push_back(summed ? 1 : x.shape(i));
  }
  while (blocks.sizes.size() < 4) blocks.sizes.push_back(1);
  return blocks;
}

PyObject* reduce(const char* name, bool to_mean, const Call& call) {
  Arguments in(name, call, 3);
  Array x = in.floats("x");
  const std::vector<long> axes = in.sizes("axis");
  for (long axis : axes) in.expect(axis < x.ndim(), "axis", "must have dimensions of x, counted from 0");
  const SumBlocks blocks = sum_blocks(x, axes, in.boolean("keepdims"));
  if (blocks.sizes.size() > 4) return declined();
  const SumShape s{blocks.sizes[0], blocks.sizes[1], blocks.sizes[2], blocks.sizes[3]};
  Array y = Array::create(blocks.kept_shape, x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().sum(s, x.data<T>(), y.data<T>());
    const T count = T(x.size() / y.size());
    for (long i = 0; to_mean && i < y.size(); i++) y.data<T>()[i] /= count;
  });
  return y.give();
}
PyObject* sum(const Call& call) { return reduce("sum", false, call); }
PyObject* mean(const Call& call) { return reduce("mean", true, call); }

}  // namespace

PyMethodDef elementwise_functions[] = {
    NPT_KERNEL(add, 1, "add(x, y, out=None): y as x, one number, or one row of x; into out as relu."),
    NPT_KERNEL(sub, 1, "sub(x, y, out=None): as add."),
    NPT_KERNEL(mul, 1, "mul(x, y, out=None): as add."),
    NPT_KERNEL(div, 1, "div(x, y, out=None): as add."),
    NPT_KERNEL(sum, 1, "sum(x, axis, keepdims): over a tuple of axes that leave at most two blocks of others."),
    NPT_KERNEL(mean, 1, "mean(x, axis, keepdims): as sum."),
    {}};

}  // namespace nptorch

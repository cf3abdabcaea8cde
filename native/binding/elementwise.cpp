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

// An operand: an array that lies in C order, or one number, which may be Python's own.
struct Operand {
  Array array;
  double number = 0;
  bool is_number = false;  // of Python

  // Whether it is one that the kernels take.
  bool read(Arguments& in, PyObject* value, const char* name) {
    is_number = nptorch::is_number(value, &number);
    if (!is_number && is_taken(&value, 1)) array = in.as_floats(value, name);
    return is_number || array;
  }
  template <class T> T one() const { return is_number ? T(number) : *array.data<T>(); }
};

// Arrays of one shape, or an array and a number, or an array (..., size) and a row (size).
template <Binary f> PyObject* binary(const char* name, const Call& call) {
  Arguments in(name, call, 3);
  PyObject* values[] = {in.next("x"), in.next("y")};
  Operand x, y;
  if (!x.read(in, values[0], "x") || !y.read(in, values[1], "y") || (x.is_number && y.is_number)) return declined();
  // The one whose shape the result has.
  const bool y_leads = x.is_number || (!y.is_number && x.array.size() == 1 && x.array.ndim() < y.array.ndim());
  const Array& lead = (y_leads ? y : x).array;
  const Operand& other = y_leads ? x : y;
  bool same = false, scalar = other.is_number, row = false;
  if (other.is_number) {
    if (!PyArray_IS_C_CONTIGUOUS(reinterpret_cast<PyArrayObject*>(values[y_leads])))
      return declined();  // NumPy keeps its order
  } else {
    same = lead.shape() == other.array.shape();
    scalar = other.array.size() == 1 && other.array.ndim() <= lead.ndim();
    row =
        !y_leads && lead.ndim() >= 1 && other.array.ndim() == 1 && other.array.shape(0) == lead.shape(lead.ndim() - 1);
    if (other.array.type() != lead.type() || !(same || scalar || row)) return declined();
  }
  Array out = in.result_as(lead);
  if (!out) return declined();
  const long n = lead.size();
  with_scalar(lead.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked{double(n)};
    const T* from = lead.data<T>();
    if (same) kernels<T>().binary(f, n, from, other.array.data<T>(), out.data<T>());
    else if (scalar) kernels<T>().binary_scalar(f, n, from, other.one<T>(), y_leads, out.data<T>());
    else
      kernels<T>().binary_row(f, n / other.array.size(), other.array.size(), from, other.array.data<T>(),
                              out.data<T>());
  });
  return out.give();
}
PyObject* add(const Call& call) { return binary<Binary::add>("add", call); }
PyObject* sub(const Call& call) { return binary<Binary::subtract>("sub", call); }
PyObject* mul(const Call& call) { return binary<Binary::multiply>("mul", call); }
PyObject* div(const Call& call) { return binary<Binary::divide>("div", call); }

PyObject* add_rows(const Call& call) {
  Arguments in("add_rows", call, 3);
  Array out = in.output("out", PyArray_TYPE(reinterpret_cast<PyArrayObject*>(call.values[0]))),
        rows = in.floats("rows", 3, out.type()), numbers = in.int64s("numbers", 1);
  in.expect(out.ndim() == 3, "out", "must have 3 dimensions");
  const long ahead = out.shape(0), among = out.shape(1), size = out.shape(2), count = numbers.size();
  in.expect_shape(rows, "rows", {ahead, count, size});
  const int64_t* number = numbers.data<int64_t>();
  for (long i = 0; i < count; i++)
    if (number[i] < 0 || number[i] >= among)
      fail(PyExc_IndexError, "add_rows(): %ld is out of bounds for %ld rows", long(number[i]), among);
  with_scalar(out.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked{double(rows.size())};
    kernels<T>().add_rows(ahead, among, count, size, number, rows.data<T>(), out.data<T>());
  });
  Py_RETURN_NONE;
}

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
    NPT_METHOD(add, "add(x, y, out=None): one may be a number, or y a row of x; into out as relu."),
    NPT_METHOD(sub, "sub(x, y, out=None): as add."),
    NPT_METHOD(mul, "mul(x, y, out=None): as add."),
    NPT_METHOD(div, "div(x, y, out=None): as add."),
    NPT_KERNEL(add_rows, 2, "add_rows(out, rows, numbers): out (a, n, d)[:, numbers] += rows (a, k, d), in place."),
    NPT_KERNEL(sum, 1, "sum(x, axis, keepdims): over a tuple of axes that leave at most two blocks of others."),
    NPT_KERNEL(mean, 1, "mean(x, axis, keepdims): as sum."),
    {}};

}  // namespace nptorch

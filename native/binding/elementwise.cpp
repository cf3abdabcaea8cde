#include <algorithm>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

constexpr double NONE = 0;
constexpr long EXACT = 1L << 53;  // a double holds every integer up to it

// A new array as x, or the one given as `out`; nothing if that one is not as x or does not lie in C order.
Array result_for(Arguments& in, const Array& x) {
  PyObject* out = in.optional("out");
  if (!out) return Array::create(x.shape(), x.type());
  if (!can_be_written(out)) return {};
  Py_INCREF(out);
  Array given(out);
  if (given.type() != x.type() || given.shape() != x.shape()) return {};
  return given;
}

PyObject* run_unary(Unary f, const Array& x, double parameter, Array y) {
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().unary(f, x.size(), x.data<T>(), parameter, y.data<T>());
  });
  return y.give();
}
template <Unary f> PyObject* unary(const char* name, const Call& call) {
  Arguments in(name, call, 1);
  Array x = in.floats("x");
  return run_unary(f, x, NONE, Array::create(x.shape(), x.type()));
}
PyObject* sigmoid(const Call& call) { return unary<Unary::sigmoid>("sigmoid", call); }
PyObject* tanh(const Call& call) { return unary<Unary::tanh>("tanh", call); }
PyObject* exp(const Call& call) { return unary<Unary::exp>("exp", call); }
PyObject* silu(const Call& call) { return unary<Unary::silu>("silu", call); }
PyObject* gelu(const Call& call) {
  Arguments in("gelu", call, 2);
  Array x = in.floats("x");
  if (in.boolean("approximate")) return declined();
  return run_unary(Unary::gelu, x, NONE, Array::create(x.shape(), x.type()));
}

PyObject* relu(const Call& call) {
  Arguments in("relu", call, 2);
  Array x = in.floats("x"), out = result_for(in, x);
  return out ? run_unary(Unary::relu, x, NONE, std::move(out)) : declined();
}

PyObject* leaky_relu(const Call& call) {
  Arguments in("leaky_relu", call, 2);
  Array x = in.floats("x");
  return run_unary(Unary::leaky_relu, x, in.number("slope"), Array::create(x.shape(), x.type()));
}

// The gradient of a function of one number, from g and an array of its shape.
template <Binary f> PyObject* run_gradient(const Array& g, const Array& of) {
  if (g.shape() != of.shape()) return declined();
  Array gx = Array::create(g.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(g.size()));
    kernels<T>().binary(f, g.size(), g.data<T>(), of.data<T>(), gx.data<T>());
  });
  return gx.give();
}
template <Binary f> PyObject* gradient(const char* name, const Call& call) {
  Arguments in(name, call, 2);
  Array g = in.floats("g"), of = in.floats("of", Arguments::ANY, g.type());
  return run_gradient<f>(g, of);
}
PyObject* threshold_backward(const Call& call) {
  return gradient<Binary::threshold_gradient>("threshold_backward", call);
}
PyObject* sigmoid_backward(const Call& call) { return gradient<Binary::sigmoid_gradient>("sigmoid_backward", call); }
PyObject* tanh_backward(const Call& call) { return gradient<Binary::tanh_gradient>("tanh_backward", call); }
PyObject* silu_backward(const Call& call) { return gradient<Binary::silu_gradient>("silu_backward", call); }
PyObject* gelu_backward(const Call& call) {
  Arguments in("gelu_backward", call, 3);
  Array g = in.floats("g"), x = in.floats("x", Arguments::ANY, g.type());
  return in.boolean("approximate") ? declined() : run_gradient<Binary::gelu_gradient>(g, x);
}

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
  Array out = result_for(in, x);
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

PyObject* sum(const Call& call) {
  Arguments in("sum", call, 3);
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
  });
  return y.give();
}

}  // namespace

PyMethodDef elementwise_functions[] = {
    NPT_KERNEL(relu, 1, "relu(x, out=None): into out, an array like x (x itself too), or a new one."),
    NPT_KERNEL(leaky_relu, 1, "leaky_relu(x, slope)."),
    NPT_KERNEL(sigmoid, 1, "sigmoid(x)."),
    NPT_KERNEL(tanh, 1, "tanh(x)."),
    NPT_KERNEL(exp, 1, "exp(x)."),
    NPT_KERNEL(silu, 1, "silu(x): x * sigmoid(x)."),
    NPT_KERNEL(gelu, 1, "gelu(x, approximate): x times the normal distribution function."),
    NPT_KERNEL(threshold_backward, 2, "threshold_backward(g, out): g where out is positive, else 0."),
    NPT_KERNEL(sigmoid_backward, 2, "sigmoid_backward(g, out)."),
    NPT_KERNEL(tanh_backward, 2, "tanh_backward(g, out)."),
    NPT_KERNEL(silu_backward, 2, "silu_backward(g, x)."),
    NPT_KERNEL(gelu_backward, 2, "gelu_backward(g, x, approximate)."),
    NPT_KERNEL(add, 1, "add(x, y, out=None): y as x, one number, or one row of x; into out as relu."),
    NPT_KERNEL(sub, 1, "sub(x, y, out=None): as add."),
    NPT_KERNEL(mul, 1, "mul(x, y, out=None): as add."),
    NPT_KERNEL(div, 1, "div(x, y, out=None): as add."),
    NPT_KERNEL(sum, 1, "sum(x, axis, keepdims): over a tuple of axes that leave at most two blocks of others."),
    {}};

}  // namespace nptorch

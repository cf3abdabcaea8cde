#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

constexpr long NONE = 0;

// A new array as x, or the `out` argument if it is one.
Array result_for(Arguments& in, const Array& x) {
  Array out = in.optional_output("out", x.type());
  if (!out) return Array::create(x.shape(), x.type());
  in.expect_shape(out, "out", x.shape());
  return out;
}

PyObject* run_unary(Unary f, const Array& x, double parameter, Array y) {
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().unary(f, x.size(), x.data<T>(), parameter, y.data<T>());
  });
  return y.give();
}
template <Unary f> PyObject* unary(const char* name, PyObject* const* values, Py_ssize_t count) {
  Arguments in(name, values, count, 1);
  Array x = in.floats("x");
  return run_unary(f, x, NONE, Array::create(x.shape(), x.type()));
}
PyObject* sigmoid(PyObject* const* values, Py_ssize_t count) { return unary<Unary::sigmoid>("sigmoid", values, count); }
PyObject* tanh(PyObject* const* values, Py_ssize_t count) { return unary<Unary::tanh>("tanh", values, count); }
PyObject* exp(PyObject* const* values, Py_ssize_t count) { return unary<Unary::exp>("exp", values, count); }
PyObject* silu(PyObject* const* values, Py_ssize_t count) { return unary<Unary::silu>("silu", values, count); }
PyObject* gelu(PyObject* const* values, Py_ssize_t count) { return unary<Unary::gelu>("gelu", values, count); }

PyObject* relu(PyObject* const* values, Py_ssize_t count) {
  Arguments in("relu", values, count, 2);
  Array x = in.floats("x");
  return run_unary(Unary::relu, x, NONE, result_for(in, x));
}

PyObject* leaky_relu(PyObject* const* values, Py_ssize_t count) {
  Arguments in("leaky_relu", values, count, 2);
  Array x = in.floats("x");
  return run_unary(Unary::leaky_relu, x, in.number("slope"), Array::create(x.shape(), x.type()));
}

// The gradient of a function of one number, from g and an array of its shape.
template <Binary f> PyObject* gradient(const char* name, PyObject* const* values, Py_ssize_t count) {
  Arguments in(name, values, count, 2);
  Array g = in.floats("g"), of = in.floats("of", g.ndim(), g.type());
  in.expect_shape(of, "of", g.shape());
  Array gx = Array::create(g.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(g.size()));
    kernels<T>().binary(f, g.size(), g.data<T>(), of.data<T>(), gx.data<T>());
  });
  return gx.give();
}
PyObject* threshold_backward(PyObject* const* values, Py_ssize_t count) {
  return gradient<Binary::threshold_gradient>("threshold_backward", values, count);
}
PyObject* sigmoid_backward(PyObject* const* values, Py_ssize_t count) {
  return gradient<Binary::sigmoid_gradient>("sigmoid_backward", values, count);
}
PyObject* tanh_backward(PyObject* const* values, Py_ssize_t count) {
  return gradient<Binary::tanh_gradient>("tanh_backward", values, count);
}
PyObject* silu_backward(PyObject* const* values, Py_ssize_t count) {
  return gradient<Binary::silu_gradient>("silu_backward", values, count);
}
PyObject* gelu_backward(PyObject* const* values, Py_ssize_t count) {
  return gradient<Binary::gelu_gradient>("gelu_backward", values, count);
}

// y is as x, one number, or one row: (size) of x (..., size).
template <Binary f> PyObject* binary(const char* name, PyObject* const* values, Py_ssize_t count) {
  Arguments in(name, values, count, 3);
  Array x = in.floats("x"), y = in.floats("y", Arguments::ANY, x.type());
  const bool same = x.shape() == y.shape(), scalar = y.size() == 1 && y.ndim() <= x.ndim();
  const bool row = x.ndim() >= 1 && y.ndim() == 1 && y.shape(0) == x.shape(x.ndim() - 1);
  in.expect(same || scalar || row, "y", "must have the shape of x, of its last axis, or be one number");
  Array out = result_for(in, x);
  const long n = x.size();
  if (n == 0) return out.give();
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(n);
    if (same) kernels<T>().binary(f, n, x.data<T>(), y.data<T>(), out.data<T>());
    else if (scalar) kernels<T>().binary_scalar(f, n, x.data<T>(), *y.data<T>(), out.data<T>());
    else kernels<T>().binary_row(f, n / y.size(), y.size(), x.data<T>(), y.data<T>(), out.data<T>());
  });
  return out.give();
}
PyObject* add(PyObject* const* values, Py_ssize_t count) { return binary<Binary::add>("add", values, count); }
PyObject* sub(PyObject* const* values, Py_ssize_t count) { return binary<Binary::subtract>("sub", values, count); }
PyObject* mul(PyObject* const* values, Py_ssize_t count) { return binary<Binary::multiply>("mul", values, count); }
PyObject* div(PyObject* const* values, Py_ssize_t count) { return binary<Binary::divide>("div", values, count); }

// The result has the shape (outer, kept) flattened; the caller gives it its own.
PyObject* sum(PyObject* const* values, Py_ssize_t count) {
  Arguments in("sum", values, count, 3);
  Array x = in.floats("x");
  const std::vector<long> blocks = in.sizes("blocks", 4), shape = in.sizes("shape");
  const SumShape s{blocks[0], blocks[1], blocks[2], blocks[3]};
  in.expect(s.outer * s.rows * s.kept * s.inner == x.size(), "blocks", "must multiply to the size of x");
  in.expect(x.size() > 0, "x", "must not be empty");
  Array y = Array::create(shape, x.type());
  in.expect(y.size() == s.outer * s.kept, "shape", "must have one entry for each sum");
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().sum(s, x.data<T>(), y.data<T>());
  });
  return y.give();
}

}  // namespace

PyMethodDef elementwise_functions[] = {
    NPT_METHOD(relu, "relu(x, out, /): into out, an array like x (x itself too), or a new array if None."),
    NPT_METHOD(leaky_relu, "leaky_relu(x, slope, /)."),
    NPT_METHOD(sigmoid, "sigmoid(x, /)."),
    NPT_METHOD(tanh, "tanh(x, /)."),
    NPT_METHOD(exp, "exp(x, /)."),
    NPT_METHOD(silu, "silu(x, /): x * sigmoid(x)."),
    NPT_METHOD(gelu, "gelu(x, /): x times the normal distribution function."),
    NPT_METHOD(threshold_backward, "threshold_backward(g, out, /): g where out is positive, else 0."),
    NPT_METHOD(sigmoid_backward, "sigmoid_backward(g, out, /)."),
    NPT_METHOD(tanh_backward, "tanh_backward(g, out, /)."),
    NPT_METHOD(silu_backward, "silu_backward(g, x, /)."),
    NPT_METHOD(gelu_backward, "gelu_backward(g, x, /)."),
    NPT_METHOD(add, "add(x, y, out, /): y as x, one number, or one row of x; into out as relu."),
    NPT_METHOD(sub, "sub(x, y, out, /): as add."),
    NPT_METHOD(mul, "mul(x, y, out, /): as add."),
    NPT_METHOD(div, "div(x, y, out, /): as add."),
    NPT_METHOD(sum,
               "sum(x, blocks, shape, /): x seen as blocks (outer, rows, kept, inner), summed over rows and inner, as "
               "an array of shape."),
    {}};

}  // namespace nptorch

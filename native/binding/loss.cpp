#include <string.h>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

struct Rows {
  long rows, size;
};
Rows rows_of(const Arguments& in, const Array& x) {
  in.expect(x.ndim() >= 1, "x", "must have at least 1 dimension");
  const long size = x.shape(x.ndim() - 1);
  return {size ? x.size() / size : 0, size};
}

template <class T> using RowKernel = void (*)(long, long, const T*, T*);
template <class T> using RowGradientKernel = void (*)(long, long, const T*, const T*, T*);

// The last axis of x through a kernel that `choose` picks from the table.
template <class F> PyObject* along_rows(const char* name, PyObject* const* values, Py_ssize_t count, F choose) {
  Arguments in(name, values, count, 1);
  Array x = in.floats("x");
  const Rows s = rows_of(in, x);
  Array y = Array::create(x.shape(), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(8.0 * x.size());
    choose(kernels<T>())(s.rows, s.size, x.data<T>(), y.data<T>());
  });
  return y.give();
}
template <class F>
PyObject* along_rows_backward(const char* name, PyObject* const* values, Py_ssize_t count, F choose) {
  Arguments in(name, values, count, 2);
  Array g = in.floats("g"), out = in.floats("out", g.ndim(), g.type());
  in.expect_shape(out, "out", g.shape());
  const Rows s = rows_of(in, g);
  Array gx = Array::create(g.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(8.0 * g.size());
    choose(kernels<T>())(s.rows, s.size, g.data<T>(), out.data<T>(), gx.data<T>());
  });
  return gx.give();
}

PyObject* softmax(PyObject* const* values, Py_ssize_t count) {
  return along_rows("softmax", values, count, [](const auto& k) { return k.softmax; });
}
PyObject* log_softmax(PyObject* const* values, Py_ssize_t count) {
  return along_rows("log_softmax", values, count, [](const auto& k) { return k.log_softmax; });
}
PyObject* softmax_backward(PyObject* const* values, Py_ssize_t count) {
  return along_rows_backward("softmax_backward", values, count, [](const auto& k) { return k.softmax_gradient; });
}
PyObject* log_softmax_backward(PyObject* const* values, Py_ssize_t count) {
  return along_rows_backward("log_softmax_backward", values, count,
                             [](const auto& k) { return k.log_softmax_gradient; });
}

Reduction read_reduction(Arguments& in) {
  PyObject* value = in.next("reduction");
  const char* text = PyUnicode_Check(value) ? PyUnicode_AsUTF8(value) : "";
  if (!text) throw PythonError();
  if (!strcmp(text, "mean")) return Reduction::mean;
  if (!strcmp(text, "sum")) return Reduction::sum;
  in.expect(!strcmp(text, "none"), "reduction", "must be 'mean', 'sum' or 'none'");
  return Reduction::none;
}

void check_targets(const Arguments& in, const Array& target, long rows, long classes, long ignored) {
  in.expect_shape(target, "target", {rows});
  const int64_t* t = target.data<int64_t>();
  for (long i = 0; i < rows; i++)
    if ((t[i] < 0 || t[i] >= classes) && t[i] != ignored)
      fail(PyExc_IndexError, "Target %ld is out of bounds.", long(t[i]));
}

// One loss for each row, or one for all.
std::vector<long> loss_shape(Reduction reduction, long rows) {
  return reduction == Reduction::none ? std::vector<long>{rows} : std::vector<long>{};
}

PyObject* nll_loss(PyObject* const* values, Py_ssize_t count) {
  Arguments in("nll_loss", values, count, 4);
  Array x = in.floats("x", 2), target = in.int64s("target", 1);
  const long ignored = in.integer("ignore_index", -(1L << 62), 1L << 62), rows = x.shape(0), classes = x.shape(1);
  const Reduction reduction = read_reduction(in);
  check_targets(in, target, rows, classes, ignored);
  Array loss = Array::create(loss_shape(reduction, rows), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    kernels<T>().nll(rows, classes, x.data<T>(), target.data<int64_t>(), ignored, reduction, loss.data<T>());
  });
  return loss.give();
}

PyObject* nll_loss_backward(PyObject* const* values, Py_ssize_t count) {
  Arguments in("nll_loss_backward", values, count, 5);
  Array g = in.floats("g"), target = in.int64s("target", 1);
  const std::vector<long> shape = in.sizes("shape", 2);
  const long ignored = in.integer("ignore_index", -(1L << 62), 1L << 62), rows = shape[0], classes = shape[1];
  const Reduction reduction = read_reduction(in);
  in.expect_shape(g, "g", loss_shape(reduction, rows));
  check_targets(in, target, rows, classes, ignored);
  Array gx = Array::create(shape, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(gx.size()));
    kernels<T>().nll_gradient(rows, classes, g.data<T>(), target.data<int64_t>(), ignored, reduction, gx.data<T>());
  });
  return gx.give();
}

PyObject* cross_entropy(PyObject* const* values, Py_ssize_t count) {
  Arguments in("cross_entropy", values, count, 4);
  Array x = in.floats("x", 2), target = in.int64s("target", 1);
  const long ignored = in.integer("ignore_index", -(1L << 62), 1L << 62), rows = x.shape(0), classes = x.shape(1);
  const Reduction reduction = read_reduction(in);
  check_targets(in, target, rows, classes, ignored);
  Array loss = Array::create(loss_shape(reduction, rows), x.type());
  Array log_probs = Array::create(x.shape(), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(8.0 * x.size());
    kernels<T>().cross_entropy(rows, classes, x.data<T>(), target.data<int64_t>(), ignored, reduction, loss.data<T>(),
                               log_probs.data<T>());
  });
  return Py_BuildValue("NN", loss.give(), log_probs.give());
}

PyObject* cross_entropy_backward(PyObject* const* values, Py_ssize_t count) {
  Arguments in("cross_entropy_backward", values, count, 5);
  Array g = in.floats("g"), log_probs = in.floats("log_probs", 2, g.type()), target = in.int64s("target", 1);
  const long ignored = in.integer("ignore_index", -(1L << 62), 1L << 62), rows = log_probs.shape(0),
             classes = log_probs.shape(1);
  const Reduction reduction = read_reduction(in);
  in.expect_shape(g, "g", loss_shape(reduction, rows));
  check_targets(in, target, rows, classes, ignored);
  Array gx = Array::create(log_probs.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(8.0 * gx.size());
    kernels<T>().cross_entropy_gradient(rows, classes, g.data<T>(), log_probs.data<T>(), target.data<int64_t>(),
                                        ignored, reduction, gx.data<T>());
  });
  return gx.give();
}

}  // namespace

PyMethodDef loss_functions[] = {
    NPT_METHOD(softmax, "softmax(x, /): along the last axis."),
    NPT_METHOD(log_softmax, "log_softmax(x, /): along the last axis."),
    NPT_METHOD(softmax_backward, "softmax_backward(g, out, /)."),
    NPT_METHOD(log_softmax_backward, "log_softmax_backward(g, out, /)."),
    NPT_METHOD(nll_loss, "nll_loss(x, target, ignore_index, reduction, /) of log-probabilities x (n, classes)."),
    NPT_METHOD(nll_loss_backward, "nll_loss_backward(g, target, shape, ignore_index, reduction, /)."),
    NPT_METHOD(
        cross_entropy,
        "cross_entropy(x, target, ignore_index, reduction, /) -> (loss, log_probs) of x (n, classes), target (n)."),
    NPT_METHOD(cross_entropy_backward, "cross_entropy_backward(g, log_probs, target, ignore_index, reduction, /)."),
    {}};

}  // namespace nptorch

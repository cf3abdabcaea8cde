#include <string.h>

#include "functions.h"
#include "lines.h"

namespace nptorch {
namespace {

// The lines of x through a kernel that `choose` picks from the table.
template <class F> PyObject* along_lines(const char* name, const Call& call, F choose) {
  Arguments in(name, call, 2);
  Array x = in.floats("x");
  const LineShape s = read_lines(in, x);
  Array y = Array::create(x.shape(), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(8.0 * x.size());
    choose(kernels<T>())(s, x.data<T>(), y.data<T>());
  });
  return y.give();
}
template <class F> PyObject* along_lines_backward(const char* name, const Call& call, F choose) {
  Arguments in(name, call, 3);
  Array g = in.floats("g"), out = in.floats("out", g.ndim(), g.type());
  in.expect_shape(out, "out", g.shape());
  const LineShape s = read_lines(in, g);
  Array gx = Array::create(g.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(8.0 * g.size());
    choose(kernels<T>())(s, g.data<T>(), out.data<T>(), gx.data<T>());
  });
  return gx.give();
}

PyObject* softmax(const Call& call) {
  return along_lines("softmax", call, [](const auto& k) { return k.softmax; });
}
PyObject* log_softmax(const Call& call) {
  return along_lines("log_softmax", call, [](const auto& k) { return k.log_softmax; });
}
PyObject* softmax_backward(const Call& call) {
  return along_lines_backward("softmax_backward", call, [](const auto& k) { return k.softmax_gradient; });
}
PyObject* log_softmax_backward(const Call& call) {
  return along_lines_backward("log_softmax_backward", call, [](const auto& k) { return k.log_softmax_gradient; });
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

// Labels, or nothing where they are no int64 numbers.
Array read_target(Arguments& in) {
  PyObject* given = in.next("target");
  return is_int64_array(given) ? in.integers(given, "target", NPY_INT64) : Array();
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

PyObject* nll_loss(const Call& call) {
  Arguments in("nll_loss", call, 4);
  Array x = in.floats("x");
  Array target = read_target(in);
  if (x.ndim() != 2 || !target) return declined();
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

PyObject* nll_loss_backward(const Call& call) {
  Arguments in("nll_loss_backward", call, 5);
  Array g = in.floats("g");
  Array target = read_target(in);
  const std::vector<long> shape = in.sizes("shape");
  if (shape.size() != 2 || !target) return declined();
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

PyObject* cross_entropy(const Call& call) {
  Arguments in("cross_entropy", call, 4);
  Array x = in.floats("x");
  Array target = read_target(in);
  if (x.ndim() != 2 || !target) return declined();
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

PyObject* cross_entropy_backward(const Call& call) {
  Arguments in("cross_entropy_backward", call, 5);
  Array g = in.floats("g"), log_probs = in.floats("log_probs", Arguments::ANY, g.type());
  Array target = read_target(in);
  if (log_probs.ndim() != 2 || !target) return declined();
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
    NPT_KERNEL(softmax, 1, "softmax(x, axis)."),
    NPT_KERNEL(log_softmax, 1, "log_softmax(x, axis)."),
    NPT_KERNEL(softmax_backward, 2, "softmax_backward(g, out, axis)."),
    NPT_KERNEL(log_softmax_backward, 2, "log_softmax_backward(g, out, axis)."),
    NPT_KERNEL(nll_loss, 1, "nll_loss(x, target, ignore_index, reduction) of log-probabilities x (n, classes)."),
    NPT_KERNEL(nll_loss_backward, 1, "nll_loss_backward(g, target, shape, ignore_index, reduction)."),
    NPT_KERNEL(cross_entropy, 1,
               "cross_entropy(x, target, ignore_index, reduction) -> (loss, log_probs) of x (n, classes), target (n)."),
    NPT_KERNEL(cross_entropy_backward, 2, "cross_entropy_backward(g, log_probs, target, ignore_index, reduction)."),
    {}};

}  // namespace nptorch

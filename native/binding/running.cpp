#include "functions.h"
#include "lines.h"

namespace nptorch {
namespace {

// run(the kernels of the type, x, a, what is written); a may be absent.
template <class F> PyObject* running(const Array& x, const Array& a, F run) {
  Array y = Array::create(x.shape(), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    run(kernels<T>(), x.data<T>(), a.data<T>(), y.data<T>());
  });
  return y.give();
}

PyObject* cumsum(const Call& call) {
  Arguments in("cumsum", call, 3);
  Array x = in.floats("x");
  LineShape s = read_lines(in, x);
  s.reverse = in.boolean("reverse");
  return running(x, {}, [&](auto& k, auto* x, auto*, auto* y) { k.cumsum(s, x, y); });
}

PyObject* cumprod(const Call& call) {
  Arguments in("cumprod", call, 2);
  Array x = in.floats("x");
  const LineShape s = read_lines(in, x);
  return running(x, {}, [&](auto& k, auto* x, auto*, auto* y) { k.cumprod(s, x, y); });
}

PyObject* recurrence(const Call& call) {
  Arguments in("recurrence", call, 4);
  Array x = in.floats("x"), a = in.floats("a", x.ndim(), x.type());
  LineShape s = read_lines(in, x);
  s.reverse = in.boolean("reverse");
  in.expect_shape(a, "a", x.shape());
  return running(x, a, [&](auto& k, auto* x, auto* a, auto* y) { k.recurrence(s, x, a, y); });
}

}  // namespace

PyMethodDef running_functions[] = {
    NPT_KERNEL(cumsum, 1, "cumsum(x, axis, reverse): running sums along one axis, from its end in reverse."),
    NPT_KERNEL(cumprod, 1, "cumprod(x, axis): running products along one axis."),
    NPT_KERNEL(
        recurrence, 2,
        "recurrence(x, a, axis, reverse): y[i] = x[i] + a[i] * y[i - 1], in reverse x[i] + a[i + 1] * y[i + 1]."),
    {}};

}  // namespace nptorch

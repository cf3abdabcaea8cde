#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

template <class T> MatrixView<T> view(const Array& array, const T* data, int row_axis) {
  return {data, array.stride(row_axis), array.stride(row_axis + 1)};
}

PyObject* linear(const Call& call) {
  Arguments in("linear", call, 3);
  Array x = in.floats("x"), w = in.strided_floats("w", 2, x.type()), b = in.optional_floats("b", 1, x.type());
  in.expect(x.ndim() >= 1, "x", "must have at least 1 dimension");
  const long depth = x.shape(x.ndim() - 1), columns = w.shape(0);
  in.expect_shape(w, "w", {columns, depth});
  in.expect_shape(b, "b", {columns});
  std::vector<long> shape = x.shape();
  shape.back() = columns;
  Array y = Array::create(shape, x.type());
  if (y.size() == 0) return y.give();
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    const long rows = y.size() / columns;
    Unlocked unlocked(double(rows) * columns * depth);
    const MatrixView<T> transposed{w.data<T>(), w.stride(1), w.stride(0)};
    kernels<T>().gemm({rows, columns, depth, {x.data<T>(), depth, 1}, transposed, y.data<T>(), b.data<T>()});
  });
  return y.give();
}

// g (..., out) and x (..., in) as rows.
struct LinearRows {
  long rows, columns, out;
  std::vector<long> shape;  // of x
};
LinearRows linear_rows(const Arguments& in, const Array& g, const Array& x) {
  in.expect(g.ndim() >= 1, "g", "must have at least 1 dimension");
  const long out = g.shape(g.ndim() - 1), columns = x.shape(x.ndim() - 1);
  std::vector<long> shape = g.shape();
  shape.back() = columns;
  in.expect_shape(x, "x", shape);
  return {g.size() / out, columns, out, shape};
}
template <class T> Gemm<T> weight_gradient(const LinearRows& s, const Array& g, const Array& x, const Array& gw) {
  return {s.out, s.columns, s.rows, {g.data<T>(), 1, s.out}, {x.data<T>(), s.columns, 1}, gw.data<T>()};
}

PyObject* linear_weight(const Call& call) {
  Arguments in("linear_weight", call, 2);
  Array g = in.floats("g"), x = in.floats("x", g.ndim(), g.type());
  const LinearRows s = linear_rows(in, g, x);
  Array gw = Array::create({s.out, s.columns}, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(s.rows) * s.columns * s.out);
    kernels<T>().gemm(weight_gradient<T>(s, g, x, gw));
  });
  return gw.give();
}

PyObject* linear_backward(const Call& call) {
  Arguments in("linear_backward", call, 3);
  Array g = in.floats("g"), x = in.floats("x", g.ndim(), g.type()), w = in.strided_floats("w", 2, g.type());
  const LinearRows s = linear_rows(in, g, x);
  in.expect_shape(w, "w", {s.out, s.columns});
  Array gx = Array::create(s.shape, g.type()), gw = Array::create({s.out, s.columns}, g.type()),
        gb = Array::create({s.out}, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(2.0 * s.rows * s.columns * s.out);
    kernels<T>().gemm({s.rows, s.columns, s.out, {g.data<T>(), s.out, 1}, view(w, w.data<T>(), 0), gx.data<T>()});
    kernels<T>().gemm(weight_gradient<T>(s, g, x, gw));
    kernels<T>().sum({1, s.rows, s.out, 1}, g.data<T>(), gb.data<T>());
  });
  return Py_BuildValue("NNN", gx.give(), gw.give(), gb.give());
}

// Whether these are matrices, or batches of them with equal leading shapes or one of them without.
bool are_factors(const Array& x, const Array& y) {
  if (x.ndim() < 2 || y.ndim() < 2 || x.shape(x.ndim() - 1) != y.shape(y.ndim() - 2)) return false;
  if (x.ndim() == 2 || y.ndim() == 2) return true;
  if (x.ndim() != y.ndim()) return false;
  for (int i = 0; i < x.ndim() - 2; i++)
    if (x.shape(i) != y.shape(i)) return false;
  return true;
}

PyObject* matmul(const Call& call) {
  Arguments in("matmul", call, 2);
  Array x = in.strided_floats("x"), y = in.strided_floats("y", Arguments::ANY, x.type());
  if (!are_factors(x, y)) return declined();
  const int xr = x.ndim() - 2, yr = y.ndim() - 2;
  const long rows = x.shape(xr), depth = x.shape(xr + 1), columns = y.shape(yr + 1);
  std::vector<long> leading = (xr ? x : y).shape();
  leading.resize(xr ? xr : yr);
  std::vector<long> shape = leading;
  shape.insert(shape.end(), {rows, columns});
  Array out = Array::create(shape, x.type());
  if (out.size() == 0) return out.give();
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    const long problems = out.size() / (rows * columns);
    std::vector<Gemm<T>> batch(problems);
    for (long i = 0; i < problems; i++) {
      const T *px = x.data<T>(), *py = y.data<T>();
      long rest = i;
      for (int axis = int(leading.size()) - 1; axis >= 0; axis--) {
        const long index = rest % leading[axis];
        rest /= leading[axis];
        if (xr) px += index * x.stride(axis);
        if (yr) py += index * y.stride(axis);
      }
      batch[i] = {rows, columns, depth, view(x, px, xr), view(y, py, yr), out.data<T>() + i * rows * columns};
    }
    Unlocked unlocked(double(out.size()) * depth);
    kernels<T>().batched_gemm(batch.data(), problems);
  });
  return out.give();
}

}  // namespace

PyMethodDef linear_algebra_functions[] = {
    NPT_KERNEL(linear, 3, "linear(x, w, b): x (..., in) @ w (out, in).T + b (out) or None."),
    NPT_KERNEL(linear_weight, 2, "linear_weight(g, x): the gradient of w from g (..., out) and x (..., in)."),
    NPT_KERNEL(linear_backward, 3, "linear_backward(g, x, w) -> (gx, gw, gb)."),
    NPT_KERNEL(matmul, 2, "matmul(x, y): (..., n, k) @ (..., k, m); leading dimensions equal or absent on one side."),
    {}};

}  // namespace nptorch

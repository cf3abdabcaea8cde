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

PyObject* linear_weight(const Call& call) {
  Arguments in("linear_weight", call, 2);
  Array g = in.floats("g"), x = in.floats("x", g.ndim(), g.type());
  in.expect(g.ndim() >= 1, "g", "must have at least 1 dimension");
  const long columns = x.shape(x.ndim() - 1), out = g.shape(g.ndim() - 1), rows = g.size() / out;
  std::vector<long> shape = g.shape();
  shape.back() = columns;
  in.expect_shape(x, "x", shape);
  Array gw = Array::create({out, columns}, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(rows) * columns * out);
    const MatrixView<T> transposed{g.data<T>(), 1, out};
    kernels<T>().gemm({out, columns, rows, transposed, {x.data<T>(), columns, 1}, gw.data<T>()});
  });
  return gw.give();
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
    NPT_KERNEL(matmul, 2, "matmul(x, y): (..., n, k) @ (..., k, m); leading dimensions equal or absent on one side."),
    {}};

}  // namespace nptorch

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

template <class T> MatrixView<T> view(const Array& array, const T* data, int row_axis) {
  return {data, array.stride(row_axis), array.stride(row_axis + 1)};
}

// linear(x, w, b, relu): x (..., in), w (out, in), b (out) or None -> (..., out)
PyObject* linear(PyObject* const* values, Py_ssize_t count) {
  Arguments in("linear", values, count, 4);
  Array x = in.floats("x"), w = in.strided_floats("w", 2, x.type()), b = in.optional_floats("b", 1, x.type());
  const bool relu = in.boolean("relu");
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
    kernels<T>().gemm({rows, columns, depth, {x.data<T>(), depth, 1}, transposed, y.data<T>(), b.data<T>(), relu});
  });
  return y.give();
}

// matmul(x, y): (..., n, k) @ (..., k, m); the leading shapes are equal, or one of the two has none
PyObject* matmul(PyObject* const* values, Py_ssize_t count) {
  Arguments in("matmul", values, count, 2);
  Array x = in.strided_floats("x"), y = in.strided_floats("y", Arguments::ANY, x.type());
  in.expect(x.ndim() >= 2, "x", "must have at least 2 dimensions");
  in.expect(y.ndim() >= 2, "y", "must have at least 2 dimensions");
  const int xr = x.ndim() - 2, yr = y.ndim() - 2;
  const long rows = x.shape(xr), depth = x.shape(xr + 1), columns = y.shape(yr + 1);
  in.expect(y.shape(yr) == depth, "y", "must have as many rows as x has columns");
  std::vector<long> leading = (xr ? x : y).shape();
  leading.resize(xr ? xr : yr);
  if (xr && yr) {
    in.expect(xr == yr, "y", "must have as many dimensions as x, or 2");
    for (int i = 0; i < xr; i++) in.expect(x.shape(i) == y.shape(i), "y", "must have the leading dimensions of x");
  }
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
    NPT_METHOD(linear,
               "linear(x, w, b, relu, /): x (..., in) @ w (out, in).T + b (out) or None, negatives to zero if relu."),
    NPT_METHOD(matmul, "matmul(x, y, /): (..., n, k) @ (..., k, m); leading dimensions equal or absent on one side."),
    {}};

}  // namespace nptorch

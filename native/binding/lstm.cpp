#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

constexpr long KEPT = 5;

PyObject* lstm_step(const Call& call) {
  Arguments in("lstm_step", call, 3);
  Array x = in.floats("x", 2), own = in.floats("own", 2, x.type()), cell = in.floats("cell", 2, x.type());
  const long rows = cell.shape(0), size = cell.shape(1);
  in.expect_shape(x, "x", {rows, 4 * size});
  in.expect_shape(own, "own", {rows, 4 * size});
  Array hidden = Array::create({rows, size}, x.type()), new_cell = Array::create({rows, size}, x.type()),
        kept = Array::create({KEPT, rows, size}, x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(40.0 * cell.size());
    kernels<T>().lstm_step(rows, size, x.data<T>(), own.data<T>(), cell.data<T>(), hidden.data<T>(), new_cell.data<T>(),
                           kept.data<T>());
  });
  return Py_BuildValue("NNN", hidden.give(), new_cell.give(), kept.give());
}

PyObject* lstm_step_backward(const Call& call) {
  Arguments in("lstm_step_backward", call, 4);
  Array g = in.floats("g", 2), g_cell = in.floats("g_cell", 2, g.type()), cell = in.floats("cell", 2, g.type()),
        kept = in.floats("kept", 3, g.type());
  const long rows = cell.shape(0), size = cell.shape(1);
  in.expect_shape(g, "g", {rows, size});
  in.expect_shape(g_cell, "g_cell", {rows, size});
  in.expect_shape(kept, "kept", {KEPT, rows, size});
  Array gx = Array::create({rows, 4 * size}, g.type()), before = Array::create({rows, size}, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(20.0 * cell.size());
    kernels<T>().lstm_gradient(rows, size, g.data<T>(), g_cell.data<T>(), cell.data<T>(), kept.data<T>(), gx.data<T>(),
                               before.data<T>());
  });
  return Py_BuildValue("NN", gx.give(), before.give());
}

}  // namespace

PyMethodDef lstm_functions[] = {
    NPT_KERNEL(lstm_step, 3,
               "lstm_step(x, own, cell) -> (hidden, new cell, kept): gates x + own (n, 4 H), cell (n, H); kept (5, n, "
               "H) is for the gradient."),
    NPT_KERNEL(lstm_step_backward, 4,
               "lstm_step_backward(g, g_cell, cell, kept) -> the gradients of the gates and of the cell before."),
    {}};

}  // namespace nptorch

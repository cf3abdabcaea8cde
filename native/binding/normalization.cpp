#include <limits.h>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

// x as (n, c, pixels).
struct Channels {
  long n, c, pixels;
};
Channels channels_of(const Arguments& in, const Array& x) {
  in.expect(x.ndim() >= 2, "x", "must have at least 2 dimensions");
  return {x.shape(0), x.shape(1), x.size() / (x.shape(0) * x.shape(1))};
}

PyObject* batch_norm(const Call& call) {
  Arguments in("batch_norm", call, 4);
  Array x = in.floats("x"), w = in.optional_floats("w", 1, x.type()), b = in.optional_floats("b", 1, x.type());
  const double eps = in.number("eps");
  const Channels s = channels_of(in, x);
  in.expect_shape(w, "w", {s.c});
  in.expect_shape(b, "b", {s.c});
  Array y = Array::create(x.shape(), x.type()), mean = Array::create({s.c}, x.type()),
        rstd = Array::create({s.c}, x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(4.0 * x.size());
    kernels<T>().batch_norm(s.n, s.c, s.pixels, x.data<T>(), w.data<T>(), b.data<T>(), eps, y.data<T>(), mean.data<T>(),
                            rstd.data<T>());
  });
  return Py_BuildValue("NNN", y.give(), mean.give(), rstd.give());
}

// Few numbers, so no kernel: running = (1 - momentum) * running + momentum * the batch's, rounded at each step as the
// reference is.
PyObject* move_statistics(const Call& call) {
  Arguments in("move_statistics", call, 7);
  Array mean = in.floats("mean", 1), rstd = in.floats("rstd", 1, mean.type());
  if (!can_be_written(call.values[2]) || !can_be_written(call.values[3])) return declined();
  Array running_mean = in.output("running_mean", mean.type()), running_var = in.output("running_var", mean.type());
  const double momentum = in.number("momentum"), eps = in.number("eps"), count = in.number("count");
  const long channels = mean.size();
  in.expect(rstd.size() == channels, "rstd", "must have as many numbers as mean");
  in.expect(running_mean.size() == channels, "running_mean", "must have as many numbers as mean");
  in.expect(running_var.size() == channels, "running_var", "must have as many numbers as mean");
  with_scalar(mean.type(), [&](auto zero) {
    using T = decltype(zero);
    auto move = [&](T* running, auto value) {
      for (long c = 0; c < channels; c++) running[c] = T(running[c] * T(1 - momentum)) + T(T(momentum) * value(c));
    };
    move(running_mean.data<T>(), [&](long c) { return mean.data<T>()[c]; });
    move(running_var.data<T>(), [&](long c) {
      const double r = rstd.data<T>()[c], variance = 1 / (r * r) - eps;
      return T((variance < 0 ? 0 : variance) * (count / (count - 1)));
    });
  });
  Py_RETURN_NONE;
}

PyObject* batch_norm_backward(const Call& call) {
  Arguments in("batch_norm_backward", call, 6);
  Array g = in.floats("g"), x = in.floats("x", g.ndim(), g.type()), w = in.optional_floats("w", 1, g.type());
  Array mean = in.floats("mean", 1, g.type()), rstd = in.floats("rstd", 1, g.type());
  Array rectified = in.optional_floats("rectified", g.ndim(), g.type());
  const Channels s = channels_of(in, x);
  in.expect_shape(g, "g", x.shape());
  in.expect_shape(rectified, "rectified", x.shape());
  in.expect_shape(w, "w", {s.c});
  in.expect_shape(mean, "mean", {s.c});
  in.expect_shape(rstd, "rstd", {s.c});
  Array gx = Array::create(x.shape(), g.type()), gw = Array::create({s.c}, g.type()),
        gb = Array::create({s.c}, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(4.0 * x.size());
    kernels<T>().batch_norm_gradient(s.n, s.c, s.pixels, g.data<T>(), x.data<T>(), w.data<T>(), mean.data<T>(),
                                     rstd.data<T>(), rectified.data<T>(), gx.data<T>(), gw.data<T>(), gb.data<T>());
  });
  return Py_BuildValue("NNN", gx.give(), gw.give(), gb.give());
}

PyObject* channel_scale(const Call& call) {
  Arguments in("channel_scale", call, 3);
  Array x = in.floats("x"), scale = in.floats("scale", 1, x.type()), shift = in.floats("shift", 1, x.type());
  const Channels s = channels_of(in, x);
  in.expect_shape(scale, "scale", {s.c});
  in.expect_shape(shift, "shift", {s.c});
  Array y = Array::create(x.shape(), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().channel_scale(s.n, s.c, s.pixels, x.data<T>(), scale.data<T>(), shift.data<T>(), y.data<T>());
  });
  return y.give();
}

GroupShape groups_of(const Arguments& in, const Array& x, long groups) {
  const Channels s = channels_of(in, x);
  in.expect(s.c % groups == 0, "groups", "must divide the channels");
  return {s.n, s.c, s.pixels, groups};
}

PyObject* group_norm(const Call& call) {
  Arguments in("group_norm", call, 5);
  Array x = in.floats("x"), w = in.optional_floats("w", 1, x.type()), b = in.optional_floats("b", 1, x.type());
  const GroupShape s = groups_of(in, x, in.integer("groups", 1, LONG_MAX));
  const double eps = in.number("eps");
  in.expect_shape(w, "w", {s.c});
  in.expect_shape(b, "b", {s.c});
  Array y = Array::create(x.shape(), x.type()), mean = Array::create({s.n, s.groups}, x.type()),
        rstd = Array::create({s.n, s.groups}, x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(4.0 * x.size());
    kernels<T>().group_norm(s, x.data<T>(), w.data<T>(), b.data<T>(), eps, y.data<T>(), mean.data<T>(), rstd.data<T>());
  });
  return Py_BuildValue("NNN", y.give(), mean.give(), rstd.give());
}

PyObject* group_norm_backward(const Call& call) {
  Arguments in("group_norm_backward", call, 6);
  Array g = in.floats("g"), x = in.floats("x", g.ndim(), g.type()), w = in.optional_floats("w", 1, g.type());
  Array mean = in.floats("mean", 2, g.type()), rstd = in.floats("rstd", 2, g.type());
  const GroupShape s = groups_of(in, x, in.integer("groups", 1, LONG_MAX));
  in.expect_shape(g, "g", x.shape());
  in.expect_shape(w, "w", {s.c});
  in.expect_shape(mean, "mean", {s.n, s.groups});
  in.expect_shape(rstd, "rstd", {s.n, s.groups});
  Array gx = Array::create(x.shape(), g.type()), gw = Array::create({s.c}, g.type()),
        gb = Array::create({s.c}, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(4.0 * x.size());
    kernels<T>().group_norm_gradient(s, g.data<T>(), x.data<T>(), w.data<T>(), mean.data<T>(), rstd.data<T>(),
                                     gx.data<T>(), gw.data<T>(), gb.data<T>());
  });
  return Py_BuildValue("NNN", gx.give(), gw.give(), gb.give());
}

// x as rows of its last `ndim` axes; statistics have the leading axes and ones.
struct Rows {
  long rows = 1, size = 1;
  std::vector<long> normal, statistics;
};
Rows rows_of(const Arguments& in, const Array& x, long ndim) {
  in.expect(ndim <= x.ndim(), "ndim", "must be at most the dimensions of x");
  Rows s;
  for (int i = 0; i < x.ndim(); i++) {
    const bool normalized = i >= x.ndim() - ndim;
    (normalized ? s.size : s.rows) *= x.shape(i);
    if (normalized) s.normal.push_back(x.shape(i));
    s.statistics.push_back(normalized ? 1 : x.shape(i));
  }
  return s;
}

PyObject* layer_norm(const Call& call) {
  Arguments in("layer_norm", call, 5);
  Array x = in.floats("x"), w = in.optional_floats("w", Arguments::ANY, x.type()),
        b = in.optional_floats("b", Arguments::ANY, x.type());
  const Rows s = rows_of(in, x, in.integer("ndim", 1, 64));
  const double eps = in.number("eps");
  in.expect_shape(w, "w", s.normal);
  in.expect_shape(b, "b", s.normal);
  Array y = Array::create(x.shape(), x.type()), mean = Array::create(s.statistics, x.type()),
        rstd = Array::create(s.statistics, x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(4.0 * x.size());
    kernels<T>().layer_norm(s.rows, s.size, x.data<T>(), w.data<T>(), b.data<T>(), eps, y.data<T>(), mean.data<T>(),
                            rstd.data<T>());
  });
  return Py_BuildValue("NNN", y.give(), mean.give(), rstd.give());
}

PyObject* layer_norm_backward(const Call& call) {
  Arguments in("layer_norm_backward", call, 6);
  Array g = in.floats("g"), x = in.floats("x", g.ndim(), g.type()),
        w = in.optional_floats("w", Arguments::ANY, g.type());
  Array mean = in.floats("mean", Arguments::ANY, g.type()), rstd = in.floats("rstd", Arguments::ANY, g.type());
  const Rows s = rows_of(in, x, in.integer("ndim", 1, 64));
  in.expect_shape(g, "g", x.shape());
  in.expect_shape(w, "w", s.normal);
  in.expect(mean.size() == s.rows, "mean", "must have one number for each row of x");
  in.expect(rstd.size() == s.rows, "rstd", "must have one number for each row of x");
  Array gx = Array::create(x.shape(), g.type()), gw = Array::create(s.normal, g.type()),
        gb = Array::create(s.normal, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(4.0 * x.size());
    kernels<T>().layer_norm_gradient(s.rows, s.size, g.data<T>(), x.data<T>(), w.data<T>(), mean.data<T>(),
                                     rstd.data<T>(), gx.data<T>(), gw.data<T>(), gb.data<T>());
  });
  return Py_BuildValue("NNN", gx.give(), gw.give(), gb.give());
}

}  // namespace

PyMethodDef normalization_functions[] = {
    NPT_KERNEL(batch_norm, 3, "batch_norm(x, w, b, eps) -> (y, mean, rstd): training statistics over all axes but 1."),
    NPT_KERNEL(move_statistics, 4,
               "move_statistics(mean, rstd, running_mean, running_var, momentum, eps, count): towards a batch's."),
    NPT_KERNEL(batch_norm_backward, 6,
               "batch_norm_backward(g, x, w, mean, rstd, rectified) -> (gx, gw, gb); g counts where rectified, an "
               "array like it or None, is positive."),
    NPT_KERNEL(channel_scale, 3, "channel_scale(x, scale, shift): x * scale + shift, one number a channel (axis 1)."),
    NPT_KERNEL(group_norm, 3,
               "group_norm(x, w, b, groups, eps) -> (y, mean, rstd): over groups of channels of images."),
    NPT_KERNEL(group_norm_backward, 5, "group_norm_backward(g, x, w, mean, rstd, groups) -> (gx, gw, gb)."),
    NPT_KERNEL(layer_norm, 3, "layer_norm(x, w, b, ndim, eps) -> (y, mean, rstd): over the last ndim axes."),
    NPT_KERNEL(layer_norm_backward, 5, "layer_norm_backward(g, x, w, mean, rstd, ndim) -> (gx, gw, gb)."),
    {}};

}  // namespace nptorch

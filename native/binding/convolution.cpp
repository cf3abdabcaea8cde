#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

struct Geometry {
  Pair stride, padding, dilation;
  long groups;
};
Geometry read_geometry(Arguments& in) {
  Geometry g;
  g.stride = in.pair("stride", 1);
  g.padding = in.pair("padding", 0);
  g.dilation = in.pair("dilation", 1);
  g.groups = in.integer("groups", 1, 1L << 31);
  return g;
}

// The shape of conv(x, w), checked: `x` (n, c, h, w) and `w` (o, c / groups, kh, kw).
ConvShape conv_shape(const Arguments& in, const std::vector<long>& x, const std::vector<long>& w, const Geometry& g) {
  in.expect(x.size() == 4 && w.size() == 4, "shape", "must have 4 entries");
  ConvShape s{x[0],
              x[1],
              x[2],
              x[3],
              w[0],
              w[2],
              w[3],
              g.stride.first,
              g.stride.second,
              g.padding.first,
              g.padding.second,
              g.dilation.first,
              g.dilation.second,
              g.groups,
              0,
              0};
  in.expect(s.c % s.groups == 0, "groups", "must divide the number of input channels");
  in.expect(s.o % s.groups == 0, "groups", "must divide the number of output channels");
  in.expect(w[1] == s.c / s.groups, "w", "must have as many channels as x has for each group");
  in.expect(s.kh > 0 && s.kw > 0, "w", "must have a kernel of at least 1 x 1");
  const long height = s.h + 2 * s.ph - s.dh * (s.kh - 1), width = s.w + 2 * s.pw - s.dw * (s.kw - 1);
  in.expect(height > 0 && width > 0, "w", "has a kernel larger than the padded image");
  s.oh = (height - 1) / s.sh + 1;
  s.ow = (width - 1) / s.sw + 1;
  return s;
}

double work(const ConvShape& s) { return double(s.n) * s.o * s.oh * s.ow * (s.c / s.groups) * s.kh * s.kw; }

void fill_zero(const Array& array) {
  memset(array.data<char>(), 0, size_t(array.size()) * PyArray_ITEMSIZE(array.array()));
}

PyObject* conv2d(const Call& call) {
  Arguments in("conv2d", call, 7);
  Array x = in.floats("x", 4), w = in.floats("w", 4, x.type()), b = in.optional_floats("b", 1, x.type());
  const ConvShape s = conv_shape(in, x.shape(), w.shape(), read_geometry(in));
  in.expect_shape(b, "b", {s.o});
  in.expect(s.c > 0, "x", "must have at least 1 channel");
  Array y = Array::create({s.n, s.o, s.oh, s.ow}, x.type());
  if (y.size() == 0) return y.give();
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(work(s));
    kernels<T>().conv_forward(s, x.data<T>(), w.data<T>(), b.data<T>(), y.data<T>());
  });
  return y.give();
}

// Of x and w, or of one of them: what is not asked for is an empty Array. Where there is no output they are zeros.
void run_gradients(const ConvShape& s, const Array& x, const Array& w, const Array& g, const Array& gx,
                   const Array& gw) {
  for (const Array* gradient : {&gx, &gw})
    if (*gradient && g.size() == 0) fill_zero(*gradient);
  if (g.size() == 0 || s.c == 0) return;
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(work(s));
    kernels<T>().conv_gradients(s, x.data<T>(), w.data<T>(), g.data<T>(), gx.data<T>(), gw.data<T>());
  });
}

PyObject* conv2d_input(const Call& call) {
  Arguments in("conv2d_input", call, 7);
  Array g = in.floats("g", 4), w = in.floats("w", 4, g.type());
  const std::vector<long> shape = in.sizes("shape", 4);
  const ConvShape s = conv_shape(in, shape, w.shape(), read_geometry(in));
  in.expect_shape(g, "g", {s.n, s.o, s.oh, s.ow});
  Array gx = Array::create(shape, g.type());
  run_gradients(s, {}, w, g, gx, {});
  return gx.give();
}

PyObject* conv2d_weight(const Call& call) {
  Arguments in("conv2d_weight", call, 7);
  Array x = in.floats("x", 4), g = in.floats("g", 4, x.type());
  const std::vector<long> shape = in.sizes("shape", 4);
  const ConvShape s = conv_shape(in, x.shape(), shape, read_geometry(in));
  in.expect_shape(g, "g", {s.n, s.o, s.oh, s.ow});
  Array gw = Array::create(shape, x.type());
  run_gradients(s, x, {}, g, {}, gw);
  return gw.give();
}

PyObject* conv2d_backward(const Call& call) {
  Arguments in("conv2d_backward", call, 7);
  Array g = in.floats("g", 4), x = in.floats("x", 4, g.type()), w = in.floats("w", 4, g.type());
  const ConvShape s = conv_shape(in, x.shape(), w.shape(), read_geometry(in));
  in.expect_shape(g, "g", {s.n, s.o, s.oh, s.ow});
  Array gx = Array::create(x.shape(), g.type()), gw = Array::create(w.shape(), g.type());
  run_gradients(s, x, w, g, gx, gw);
  return Py_BuildValue("NN", gx.give(), gw.give());
}

}  // namespace

PyMethodDef convolution_functions[] = {
    NPT_KERNEL(conv2d, 3, "conv2d(x, w, b, stride, padding, dilation, groups): pairs of integers, b an array or None."),
    NPT_KERNEL(conv2d_input, 2,
               "conv2d_input(g, w, shape, stride, padding, dilation, groups): the gradient of x, of this shape."),
    NPT_KERNEL(conv2d_weight, 2,
               "conv2d_weight(x, g, shape, stride, padding, dilation, groups): the gradient of w, of this shape."),
    NPT_KERNEL(conv2d_backward, 3, "conv2d_backward(g, x, w, stride, padding, dilation, groups) -> (gx, gw)."),
    {}};

}  // namespace nptorch

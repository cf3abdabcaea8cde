#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

// Output length along one axis; with ceil_mode a last window must still begin inside the image or its left padding.
long pooled(long size, long kernel, long stride, long padding, long dilation, bool ceil_mode) {
  const long room = size + 2 * padding - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  if (room < 0) return 0;
  const long length = room / stride + 1;
  return ceil_mode && (length - 1) * stride >= size + padding ? length - 1 : length;
}

// `shape` (..., h, w) pooled as the arguments say.
PoolShape pool_shape(const Arguments& in, const std::vector<long>& shape, Pair kernel, Pair stride, Pair padding,
                     Pair dilation, bool ceil_mode) {
  in.expect(shape.size() >= 2, "x", "must have at least 2 dimensions");
  PoolShape s{};
  s.planes = 1;
  for (size_t i = 0; i + 2 < shape.size(); i++) s.planes *= shape[i];
  s.h = shape[shape.size() - 2];
  s.w = shape.back();
  s.kh = kernel.first, s.kw = kernel.second, s.sh = stride.first, s.sw = stride.second;
  s.ph = padding.first, s.pw = padding.second, s.dh = dilation.first, s.dw = dilation.second;
  in.expect(2 * s.ph <= s.kh && 2 * s.pw <= s.kw, "padding", "must be at most half of the kernel");
  s.oh = pooled(s.h, s.kh, s.sh, s.ph, s.dh, ceil_mode);
  s.ow = pooled(s.w, s.kw, s.sw, s.pw, s.dw, ceil_mode);
  in.expect(s.oh > 0 && s.ow > 0, "kernel", "is larger than the padded image");
  return s;
}

std::vector<long> with_plane(std::vector<long> shape, long h, long w) {
  shape[shape.size() - 2] = h;
  shape.back() = w;
  return shape;
}

int place_type(const Arguments& in, const PoolShape& s) {
  in.expect(s.kh * s.kw < 1L << 30, "kernel", "must have less than 2^30 places");
  return s.kh * s.kw <= MOST_BYTE_PLACES ? NPY_UINT8 : NPY_INT32;
}
MaxPlaces places_of(const Array& places) {
  if (places.type() == NPY_UINT8) return {places.data<uint8_t>(), nullptr};
  return {nullptr, places.data<int32_t>()};
}

PyObject* max_pool2d(const Call& call) {
  Arguments in("max_pool2d", call, 6);
  Array x = in.floats("x");
  const Pair kernel = in.pair("kernel", 1), stride = in.pair("stride", 1), padding = in.pair("padding", 0),
             dilation = in.pair("dilation", 1);
  const PoolShape s = pool_shape(in, x.shape(), kernel, stride, padding, dilation, in.boolean("ceil_mode"));
  Array y = Array::create(with_plane(x.shape(), s.oh, s.ow), x.type()),
        places = Array::create(y.shape(), place_type(in, s));
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(y.size()) * s.kh * s.kw);
    kernels<T>().max_pool(s, x.data<T>(), y.data<T>(), places_of(places));
  });
  return Py_BuildValue("NN", y.give(), places.give());
}

PyObject* max_pool2d_backward(const Call& call) {
  Arguments in("max_pool2d_backward", call, 9);
  Array g = in.floats("g");
  PyObject* given_places = in.next("places");
  const std::vector<long> shape = in.sizes("shape");
  const Pair kernel = in.pair("kernel", 1), stride = in.pair("stride", 1), padding = in.pair("padding", 0),
             dilation = in.pair("dilation", 1);
  const PoolShape s = pool_shape(in, shape, kernel, stride, padding, dilation, in.boolean("ceil_mode"));
  const bool rectified = in.boolean("rectified");
  const Array places = in.integers(given_places, "places", place_type(in, s));
  in.expect_shape(g, "g", with_plane(shape, s.oh, s.ow));
  in.expect_shape(places, "places", g.shape());
  Array gx = Array::create(shape, g.type()),
        sums = Array::create(std::vector<long>(shape.begin(), shape.end() - 2), g.type());
  bool valid = true;
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(gx.size()));
    kernels<T>().max_pool_gradient(s, g.data<T>(), places_of(places), rectified, gx.data<T>(), sums.data<T>(), &valid);
  });
  in.expect(valid, "places", "must lie inside the windows and the plane");
  return Py_BuildValue("NN", gx.give(), sums.give());
}

PoolShape read_average(Arguments& in, const std::vector<long>& shape) {
  const Pair kernel = in.pair("kernel", 1), stride = in.pair("stride", 1), padding = in.pair("padding", 0);
  PoolShape s = pool_shape(in, shape, kernel, stride, padding, {1, 1}, in.boolean("ceil_mode"));
  s.count_padding = in.boolean("count_include_pad");
  s.divisor = in.optional_number("divisor", 0);
  return s;
}

PyObject* avg_pool2d(const Call& call) {
  Arguments in("avg_pool2d", call, 7);
  Array x = in.floats("x");
  const PoolShape s = read_average(in, x.shape());
  Array y = Array::create(with_plane(x.shape(), s.oh, s.ow), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(y.size()) * s.kh * s.kw);
    kernels<T>().avg_pool(s, x.data<T>(), y.data<T>());
  });
  return y.give();
}

PyObject* avg_pool2d_backward(const Call& call) {
  Arguments in("avg_pool2d_backward", call, 8);
  Array g = in.floats("g");
  const std::vector<long> shape = in.sizes("shape");
  const PoolShape s = read_average(in, shape);
  in.expect_shape(g, "g", with_plane(shape, s.oh, s.ow));
  Array gx = Array::create(shape, g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(g.size()) * s.kh * s.kw);
    kernels<T>().avg_pool_gradient(s, g.data<T>(), gx.data<T>());
  });
  return gx.give();
}

}  // namespace

PyMethodDef pooling_functions[] = {
    NPT_KERNEL(max_pool2d, 1,
               "max_pool2d(x, kernel, stride, padding, dilation, ceil_mode) -> (maxima, places in the windows)."),
    NPT_KERNEL(
        max_pool2d_backward, 1,
        "max_pool2d_backward(g, places, shape, kernel, stride, padding, dilation, ceil_mode, rectified) -> (the "
        "gradient of x, of this shape, its sums over planes); rectified: none where the maximum is not positive."),
    NPT_KERNEL(avg_pool2d, 1, "avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad, divisor)."),
    NPT_KERNEL(avg_pool2d_backward, 1,
               "avg_pool2d_backward(g, shape, kernel, stride, padding, ceil_mode, count_include_pad, divisor)."),
    {}};

}  // namespace nptorch

// One number in, one number out, over contiguous arrays.
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

// tanh: a polynomial near zero, where 1 - 2 / (e^2x + 1) would cancel (Cephes tanhf).
NPT_INLINE Vec<float> vtanh(Vec<float> x) {
  typedef Vec<float> V;
  const V z = x * x;
  V p = splat(-5.70498872745e-3f);
  p = p * z + 2.06390887954e-2f;
  p = p * z - 5.37397155531e-2f;
  p = p * z + 1.33314422036e-1f;
  p = p * z - 3.33332819422e-1f;
  const V near = p * z * x + x, size = x < 0 ? -x : x, far = 1.0f - 2.0f / (vexp(size + size) + 1.0f);
  return size < 0.625f ? near : x < 0 ? -far : far;
}
NPT_INLINE Vec<double> vtanh(Vec<double> x) {
  for (int i = 0; i < LANES<double>; i++) x[i] = ::tanh(x[i]);
  return x;
}

template <class T, class F> void map(long n, const T* x, T* y, F f) {
  parallel_vectors<T>(n, [&](long i, auto lanes) NPT_LAMBDA { store_upto(y + i, lanes, f(load_upto(x + i, lanes))); });
}

// with(f) for the vector function that a Binary names.
template <class F> NPT_INLINE void with_binary(Binary which, F with) {
  switch (which) {
    case Binary::add: return with([](auto a, auto b) NPT_LAMBDA { return a + b; });
    case Binary::subtract: return with([](auto a, auto b) NPT_LAMBDA { return a - b; });
    case Binary::multiply: return with([](auto a, auto b) NPT_LAMBDA { return a * b; });
    case Binary::divide: return with([](auto a, auto b) NPT_LAMBDA { return a / b; });
  }
}

}  // namespace

template <class T> void unary(Unary f, long n, const T* x, double parameter, T* y) {
  const T slope = T(parameter);
  switch (f) {
    case Unary::relu: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return v < T(0) ? Vec<T>{} : v; });
    case Unary::leaky_relu: return map(n, x, y, [=](Vec<T> v) NPT_LAMBDA { return v > T(0) ? v : v * slope; });
    case Unary::sigmoid: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return T(1) / (T(1) + vexp(-v)); });
    case Unary::tanh: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return vtanh(v); });
    case Unary::exp: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return vexp(v); });
  }
}

template <class T> void threshold_gradient(long n, const T* g, const T* out, T* gx) {
  parallel_vectors<T>(n, [&](long i, auto lanes) NPT_LAMBDA {
    store_upto(gx + i, lanes, load_upto(out + i, lanes) <= T(0) ? Vec<T>{} : load_upto(g + i, lanes));
  });
}

template <class T> void binary(Binary which, long n, const T* x, const T* y, T* out) {
  with_binary(which, [&](auto f) NPT_LAMBDA {
    parallel_vectors<T>(n, [&](long i, auto lanes) NPT_LAMBDA {
      store_upto(out + i, lanes, f(load_upto(x + i, lanes), load_upto(y + i, lanes)));
    });
  });
}

template <class T> void binary_scalar(Binary which, long n, const T* x, T y, T* out) {
  with_binary(which, [&](auto f) NPT_LAMBDA { map(n, x, out, [&](Vec<T> v) NPT_LAMBDA { return f(v, splat(y)); }); });
}

template <class T> void binary_row(Binary which, long rows, long size, const T* x, const T* y, T* out) {
  const long tasks = smaller(rows, tasks_for(rows * size));
  with_binary(which, [&](auto f) NPT_LAMBDA {
    parallel_for(tasks, [&](long t) {
      for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++)
        each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
          store_upto(out + r * size + i, lanes, f(load_upto(x + r * size + i, lanes), load_upto(y + i, lanes)));
        });
    });
  });
}

NPT_BOTH_TYPES(unary)
NPT_BOTH_TYPES(threshold_gradient)
NPT_BOTH_TYPES(binary)
NPT_BOTH_TYPES(binary_scalar)
NPT_BOTH_TYPES(binary_row)

}  // namespace nptorch::NPT_ISA

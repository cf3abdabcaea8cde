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

template <class T> NPT_INLINE Vec<T> vsigmoid(Vec<T> x) { return T(1) / (T(1) + vexp(-x)); }

// erf as x P(x^2) / Q(x^2) on [-4, 4], where it reaches 1 in float32 (the rational function of Eigen and XLA).
NPT_INLINE Vec<float> verf(Vec<float> x) {
  typedef Vec<float> V;
  const V t = x < -4.0f ? splat(-4.0f) : x > 4.0f ? splat(4.0f) : x, z = t * t;
  V p = splat(-2.72614225801306e-10f);
  p = p * z + 2.77068142495902e-08f;
  p = p * z - 2.10102402082508e-06f;
  p = p * z - 5.69250639462346e-05f;
  p = p * z - 7.34990630326855e-04f;
  p = p * z - 2.95459980854025e-03f;
  p = p * z - 1.60960333262415e-02f;
  V q = splat(-1.45660718464996e-05f);
  q = q * z - 2.13374055278905e-04f;
  q = q * z - 1.68282697438203e-03f;
  q = q * z - 7.37332916720468e-03f;
  q = q * z - 1.42647390514189e-02f;
  return t * p / q;
}
NPT_INLINE Vec<double> verf(Vec<double> x) {
  for (int i = 0; i < LANES<double>; i++) x[i] = ::erf(x[i]);
  return x;
}
// The normal distribution function, by which gelu(x) = x * cdf(x).
template <class T> NPT_INLINE Vec<T> normal_cdf(Vec<T> x) { return T(0.5) + T(0.5) * verf(x * T(M_SQRT1_2)); }

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
    case Binary::threshold_gradient:
      return with([](auto g, auto out) NPT_LAMBDA { return out <= 0 ? decltype(g){} : g; });
    case Binary::sigmoid_gradient: return with([](auto g, auto out) NPT_LAMBDA { return g * (out * (1 - out)); });
    case Binary::tanh_gradient: return with([](auto g, auto out) NPT_LAMBDA { return g * (1 - out * out); });
    case Binary::silu_gradient:
      return with([](auto g, auto x) NPT_LAMBDA {
        const auto s = vsigmoid<Scalar<decltype(x)>>(x);
        return g * (s * (1 + x * (1 - s)));
      });
    case Binary::gelu_gradient:
      return with([](auto g, auto x) NPT_LAMBDA {
        typedef Scalar<decltype(x)> T;
        return g * (normal_cdf<T>(x) + x * (vexp(x * x * T(-0.5)) * T(0.3989422804014327)));  // 1 / sqrt(2 pi)
      });
  }
}

}  // namespace

template <class T> void unary(Unary f, long n, const T* x, double parameter, T* y) {
  const T slope = T(parameter);
  switch (f) {
    case Unary::relu: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return v < T(0) ? Vec<T>{} : v; });
    case Unary::leaky_relu: return map(n, x, y, [=](Vec<T> v) NPT_LAMBDA { return v > T(0) ? v : v * slope; });
    case Unary::sigmoid: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return vsigmoid<T>(v); });
    case Unary::tanh: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return vtanh(v); });
    case Unary::exp: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return vexp(v); });
    case Unary::silu: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return v * vsigmoid<T>(v); });
    case Unary::gelu: return map(n, x, y, [](Vec<T> v) NPT_LAMBDA { return v * normal_cdf<T>(v); });
  }
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
NPT_BOTH_TYPES(binary)
NPT_BOTH_TYPES(binary_scalar)
NPT_BOTH_TYPES(binary_row)

}  // namespace nptorch::NPT_ISA

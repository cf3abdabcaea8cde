// Exponentials, logarithms and what is made of them, on vectors: float within a few ulp, double by the C library.
#pragma once
#include "simd.h"

namespace nptorch::NPT_ISA {

// A function of the C library for every lane of a vector of doubles.
template <class F> NPT_INLINE Vec<double> each_lane(Vec<double> x, F f) {
  for (int i = 0; i < LANES<double>; i++) x[i] = f(x[i]);
  return x;
}

// ---------------------------------------------------------------- exponentials
// e^x - 1 by 2^n (e^r - 1) + (2^n - 1), which cancels nowhere, for x <= 0.
NPT_INLINE Vec<float> vexpm1(Vec<float> x) {
  typedef Vec<float> V;
  const V t = x < -87.0f ? splat(-87.0f) : x;
  const Ints<float> n = __builtin_convertvector(t * 1.44269504088896341f - 0.5f, Ints<float>);
  const V whole = __builtin_convertvector(n, V), r = (t - whole * 0.693359375f) + whole * 2.12194440e-4f;
  const V scale = (V)((n + 127) << 23), y = scale * expm1_near_zero(r) + (scale - 1.0f);
  return x == x ? y : x;
}
NPT_INLINE Vec<double> vexpm1(Vec<double> x) {
  return each_lane(x, [](double v) { return ::expm1(v); });
}

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
  return each_lane(x, [](double v) { return ::tanh(v); });
}

template <class V> NPT_INLINE V vsigmoid(V x) { return 1 / (1 + vexp(-x)); }

// ---------------------------------------------------------------- logarithms
// log((1 + s) / (1 - s)) = 2 (s + s^3 / 3 + s^5 / 5 + ...), for |s| <= 1 / 3.
NPT_INLINE Vec<float> log_ratio(Vec<float> s) {
  typedef Vec<float> V;
  const V z = s * s, twice = s + s;
  V p = splat(1 / 15.0f);
  p = p * z + 1 / 13.0f;
  p = p * z + 1 / 11.0f;
  p = p * z + 1 / 9.0f;
  p = p * z + 1 / 7.0f;
  p = p * z + 1 / 5.0f;
  p = p * z + 1 / 3.0f;
  return twice + twice * (z * p);
}

// k log 2 + log m with x = 2^k m and m between the roots of 1 / 2 and 2.
NPT_INLINE Vec<float> vlog(Vec<float> x) {
  typedef Vec<float> V;
  const auto tiny = x < 1.17549435e-38f;
  const Ints<float> bits = (Ints<float>)(tiny ? x * 8388608.0f : x), k = (bits - 0x3f3504f3) >> 23;
  const V m = (V)(bits - (k << 23)), whole = __builtin_convertvector(k, V) - (tiny ? splat(23.0f) : V{});
  const V y = whole * 0.693359375f + (log_ratio((m - 1.0f) / (m + 1.0f)) - whole * 2.12194440e-4f);
  return (x > 0) & (x < INFINITY) ? y : x == 0 ? splat(-INFINITY) : x < 0 ? splat(NAN) : x;
}
NPT_INLINE Vec<double> vlog(Vec<double> x) {
  return each_lane(x, [](double v) { return ::log(v); });
}

// log(1 + x) and log(1 - x) for 0 <= x <= 1.
NPT_INLINE Vec<float> vlog1p(Vec<float> x) { return log_ratio(x / (2.0f + x)); }
NPT_INLINE Vec<double> vlog1p(Vec<double> x) {
  return each_lane(x, [](double v) { return ::log1p(v); });
}
NPT_INLINE Vec<float> vlog1m(Vec<float> x) { return x < 0.5f ? log_ratio(x / (x - 2.0f)) : vlog(1.0f - x); }
NPT_INLINE Vec<double> vlog1m(Vec<double> x) {
  return each_lane(x, [](double v) { return ::log1p(-v); });
}

template <class V> NPT_INLINE V vabs(V x) { return x < 0 ? -x : x; }
// log(1 + e^x) without overflow.
template <class V> NPT_INLINE V vsoftplus(V x) { return (x > 0 ? x : V{}) + vlog1p(vexp(-vabs(x))); }
// tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); 1 from 20 on.
template <class V> NPT_INLINE V tanh_of_softplus(V x) {
  const V e = vexp(x > 20 ? V{} + 20 : x), n = e * (e + 2);
  return n / (n + 2);
}

// ---------------------------------------------------------------- the error function
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
  return each_lane(x, [](double v) { return ::erf(v); });
}
// The normal distribution function, by which gelu(x) = x * cdf(x), and its density.
template <class V> NPT_INLINE V normal_cdf(V x) {
  typedef Scalar<V> T;
  return T(0.5) + T(0.5) * verf(x * T(M_SQRT1_2));
}
template <class V> NPT_INLINE V normal_density(V x) {
  typedef Scalar<V> T;
  return vexp(x * x * T(-0.5)) * T(0.3989422804014327);  // 1 / sqrt(2 pi)
}

// What stands for 2 cdf(x) - 1 in the approximation of gelu by tanh, and the slope of what tanh is taken of.
template <class V> NPT_INLINE V tanh_of_gelu(V x) {
  typedef Scalar<V> T;
  return vtanh(T(0.7978845608028654) * (x + T(0.044715) * x * x * x));  // sqrt(2 / pi)
}
template <class V> NPT_INLINE V slope_in_gelu(V x) {
  typedef Scalar<V> T;
  return T(0.7978845608028654) * (1 + T(3 * 0.044715) * x * x);
}

}  // namespace nptorch::NPT_ISA

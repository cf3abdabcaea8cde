// Activations, element by element over contiguous arrays, and their gradients.
#include "scratch.h"
#include "vector_math.h"
#include "kernels.h"

namespace nptorch::NPT_ISA {
namespace {

template <class V> NPT_INLINE V limited(V v, Scalar<V> low, Scalar<V> high) {
  return v < low ? V{} + low : v > high ? V{} + high : v;
}
template <class V> NPT_INLINE V vhardsigmoid(V v) { return limited(v + 3, 0, 6) / 6; }

}  // namespace

template <class T> void unary(Unary which, long n, const T* x, const Parameters& p, T* y) {
  typedef Vec<T> V;
  const T a = T(p.a), b = T(p.b), c = T(p.c);
  const auto map = [=](auto f) {
    parallel_vectors<T>(n,
                        [=](long i, auto lanes) NPT_LAMBDA { store_upto(y + i, lanes, f(load_upto(x + i, lanes))); });
  };
  switch (which) {
    case Unary::relu: return map([](V v) NPT_LAMBDA { return v < T(0) ? V{} : v; });
    case Unary::leaky_relu: return map([=](V v) NPT_LAMBDA { return v > T(0) ? v : v * a; });
    case Unary::elu: return map([=](V v) NPT_LAMBDA { return v > T(0) ? v * b : vexpm1(v * c) * (a * b); });
    case Unary::hardtanh: return map([=](V v) NPT_LAMBDA { return limited(v, a, b); });
    case Unary::hardsigmoid: return map([](V v) NPT_LAMBDA { return vhardsigmoid(v); });
    case Unary::hardswish: return map([](V v) NPT_LAMBDA { return v * vhardsigmoid(v); });
    case Unary::softplus: return map([=](V v) NPT_LAMBDA { return v * a > b ? v : vsoftplus<V>(v * a) / a; });
    case Unary::log_sigmoid: return map([](V v) NPT_LAMBDA { return -vsoftplus<V>(-v); });
    case Unary::mish: return map([](V v) NPT_LAMBDA { return v * tanh_of_softplus(v); });
    case Unary::sigmoid: return map([](V v) NPT_LAMBDA { return vsigmoid(v); });
    case Unary::tanh: return map([](V v) NPT_LAMBDA { return vtanh(v); });
    case Unary::exp: return map([](V v) NPT_LAMBDA { return vexp(v); });
    case Unary::silu: return map([](V v) NPT_LAMBDA { return v * vsigmoid(v); });
    case Unary::gelu: return map([](V v) NPT_LAMBDA { return v * normal_cdf(v); });
    case Unary::gelu_tanh: return map([](V v) NPT_LAMBDA { return T(0.5) * v * (1 + tanh_of_gelu(v)); });
  }
}

template <class T> void gradient(Gradient which, long n, Incoming<T> g, const T* of, const Parameters& p, T* gx) {
  typedef Vec<T> V;
  const T a = T(p.a), b = T(p.b), c = T(p.c);
  const auto map = [=](auto f) {
    parallel_vectors<T>(n, [=](long i, auto lanes) NPT_LAMBDA {
      store_upto(gx + i, lanes, f(g.is_one ? splat(*g.data) : load_upto(g.data + i, lanes), load_upto(of + i, lanes)));
    });
  };
  switch (which) {
    case Gradient::threshold: return map([](V g, V out) NPT_LAMBDA { return out <= T(0) ? V{} : g; });
    case Gradient::leaky_relu: return map([=](V g, V x) NPT_LAMBDA { return x > T(0) ? g : g * a; });
    case Gradient::elu:
      return map([=](V g, V x) NPT_LAMBDA { return g * (x > T(0) ? splat(b) : vexp(x * c) * (a * b * c)); });
    case Gradient::hardtanh: return map([=](V g, V x) NPT_LAMBDA { return (x > a) & (x < b) ? g : V{}; });
    case Gradient::hardsigmoid:
      return map([](V g, V x) NPT_LAMBDA { return (x > T(-3)) & (x < T(3)) ? g * T(1.0 / 6) : V{}; });
    case Gradient::hardswish:
      return map([](V g, V x) NPT_LAMBDA { return x < T(-3) ? V{} : x < T(3) ? g * (x * T(1.0 / 3) + T(0.5)) : g; });
    case Gradient::softplus: return map([=](V g, V x) NPT_LAMBDA { return x * a > b ? g : g * vsigmoid<V>(x * a); });
    case Gradient::log_sigmoid: return map([](V g, V x) NPT_LAMBDA { return g * vsigmoid<V>(-x); });
    case Gradient::mish:
      return map([](V g, V x) NPT_LAMBDA {
        const V t = tanh_of_softplus(x);
        return g * (t + x * (1 - t * t) * vsigmoid(x));
      });
    case Gradient::sigmoid: return map([](V g, V out) NPT_LAMBDA { return g * (out * (1 - out)); });
    case Gradient::tanh: return map([](V g, V out) NPT_LAMBDA { return g * (1 - out * out); });
    case Gradient::silu:
      return map([](V g, V x) NPT_LAMBDA {
        const V s = vsigmoid(x);
        return g * (s * (1 + x * (1 - s)));
      });
    case Gradient::gelu: return map([](V g, V x) NPT_LAMBDA { return g * (normal_cdf(x) + x * normal_density(x)); });
    case Gradient::gelu_tanh:
      return map([](V g, V x) NPT_LAMBDA {
        const V t = tanh_of_gelu(x);
        return g * T(0.5) * (1 + t + x * (1 - t * t) * slope_in_gelu(x));
      });
  }
}

NPT_BOTH_TYPES(unary)
NPT_BOTH_TYPES(gradient)

}  // namespace nptorch::NPT_ISA

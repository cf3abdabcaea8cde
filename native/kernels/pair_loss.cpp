// Losses of each element and its target, over contiguous arrays, and their gradients.
#include "kernels.h"
#include "scratch.h"
#include "vector_math.h"

namespace nptorch::NPT_ISA {
namespace {

// Where log(0) is not infinite.
template <class V> NPT_INLINE V at_least(V v, Scalar<V> least) { return v < least ? V{} + least : v; }

}  // namespace

template <class T> void pair_loss(PairLoss which, long n, const T* x, const T* target, double parameter, T* y) {
  typedef Vec<T> V;
  const T beta = T(parameter);
  const auto map = [=](auto f) {
    parallel_vectors<T>(n, [=](long i, auto lanes) NPT_LAMBDA {
      store_upto(y + i, lanes, f(load_upto(x + i, lanes), load_upto(target + i, lanes)));
    });
  };
  switch (which) {
    case PairLoss::mse_loss: return map([](V x, V t) NPT_LAMBDA { return (x - t) * (x - t); });
    case PairLoss::smooth_l1_loss:
      return map([=](V x, V t) NPT_LAMBDA {
        const V size = vabs<V>(x - t);
        return size < beta ? T(0.5) * size * size / beta : size - T(0.5) * beta;
      });
    case PairLoss::binary_cross_entropy:
      return map([](V x, V t)
                     NPT_LAMBDA { return (t - 1) * at_least(vlog1m(x), T(-100)) - t * at_least(vlog(x), T(-100)); });
    case PairLoss::binary_cross_entropy_with_logits:
      return map([](V x, V t) NPT_LAMBDA { return (1 - t) * x + vsoftplus<V>(-x); });
  }
}

template <class T>
void pair_gradient(PairLoss which, long n, Incoming<T> g, const T* x, const T* target, double parameter, T* gx) {
  typedef Vec<T> V;
  const T beta = T(parameter);
  const auto map = [=](auto f) {
    parallel_vectors<T>(n, [=](long i, auto lanes) NPT_LAMBDA {
      const V slope = f(load_upto(x + i, lanes), load_upto(target + i, lanes));
      store_upto(gx + i, lanes, (g.is_one ? splat(*g.data) : load_upto(g.data + i, lanes)) * slope);
    });
  };
  switch (which) {
    case PairLoss::mse_loss: return map([](V x, V t) NPT_LAMBDA { return 2 * (x - t); });
    case PairLoss::smooth_l1_loss:
      return map([=](V x, V t) NPT_LAMBDA {
        const V d = x - t;
        return d <= -beta ? V{} - 1 : d >= beta ? V{} + 1 : d / beta;
      });
    case PairLoss::binary_cross_entropy:
      return map([](V x, V t) NPT_LAMBDA { return (x - t) / at_least((1 - x) * x, T(1e-12)); });
    case PairLoss::binary_cross_entropy_with_logits: return map([](V x, V t) NPT_LAMBDA { return vsigmoid(x) - t; });
  }
}

NPT_BOTH_TYPES(pair_loss)
NPT_BOTH_TYPES(pair_gradient)

}  // namespace nptorch::NPT_ISA

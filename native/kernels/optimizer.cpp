// Steps of SGD, Adam and AdamW over a list of parameters in one pass over memory. The roundings are PyTorch's: what it
// fuses into one multiply-add is fused here (where the processor can), what it rounds first is kept apart; only the
// square root of its MKL differs, by one unit in the last place now and then.
// https://pytorch.org/docs/stable/generated/torch.optim.SGD.html, torch.optim.Adam.html, torch.optim.AdamW.html
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {
namespace {

template <class V> NPT_INLINE V rounded(V product) {
  keep(product);
  return product;
}

constexpr long CHUNK = 32768;  // the most numbers of one task; a chunk of a list may span several parameters

// body(item, begin, end) in parallel. Each thread takes the same part of every parameter, the one that it reads and
// writes in products by rows of a weight, so that the part stays in its cache; small parameters go along.
template <class T, class F> void parallel_items(const OptimizerItem<T>* items, long count, F body) {
  long total = 0;
  for (long i = 0; i < count; i++) total += items[i].size;
  const long threads = tasks_for(total) == 1 ? 1 : available_threads(), chunks = pieces(total, CHUNK * threads);
  parallel_for(threads * chunks, [&](long t) {
    const long thread = t / chunks, chunk = t % chunks;
    for (long i = 0; i < count; i++) {
      const long first = cut(items[i].size, threads, thread), size = cut(items[i].size, threads, thread + 1) - first;
      const long from = first + cut(size, chunks, chunk), to = first + cut(size, chunks, chunk + 1);
      if (from < to) body(items[i], from, to);
    }
  });
}

// A rule's choices are made once a chunk, not once a vector.
template <class F> NPT_INLINE void with_flag(bool flag, F with) {
  if (flag) with(std::true_type{});
  else with(std::false_type{});
}

}  // namespace

template <class T> void sgd_step(const SgdRule& rule, const OptimizerItem<T>* items, long count) {
  const T step = T(-rule.lr), decay = T(rule.weight_decay), momentum = T(rule.momentum),
          undamped = T(1 - rule.dampening);
  parallel_items(items, count, [&](const OptimizerItem<T>& item, long begin, long end) {
    T *p = item.parameter, *buffer = item.state1;
    with_flag(buffer != nullptr, [&](auto has_buffer) NPT_LAMBDA {
      each_vector<T>(begin, end, [&](long i, auto lanes) NPT_LAMBDA {
        Vec<T> g = load_upto(item.gradient + i, lanes);
        const Vec<T> value = load_upto(p + i, lanes);
        if (rule.maximize) g = -g;
        if (decay != 0) g = value * decay + g;
        if constexpr (decltype(has_buffer)::value) {
          const Vec<T> average = rule.first ? g : g * undamped + rounded(load_upto(buffer + i, lanes) * momentum);
          store_upto(buffer + i, lanes, average);
          g = rule.nesterov ? average * momentum + g : average;
        }
        store_upto(p + i, lanes, g * step + value);
      });
    });
  });
}

template <class T> void adam_step(const AdamRule& rule, const OptimizerItem<T>* items, long count) {
  const double correction1 = 1 - pow(rule.beta1, double(rule.step)),
               correction2 = 1 - pow(rule.beta2, double(rule.step));
  // 1 - beta is rounded from double, as PyTorch's scalars are.
  const T toward = T(1 - rule.beta1), keep2 = T(rule.beta2), share2 = T(1 - rule.beta2), eps = T(rule.eps),
          decay = T(rule.weight_decay);
  const T shrink = T(1 - rule.lr * rule.weight_decay), step = T(-rule.lr / correction1), root2 = T(sqrt(correction2));
  const bool near = toward < T(0.5);  // PyTorch's lerp starts from the nearer end
  parallel_items(items, count, [&](const OptimizerItem<T>& item, long begin, long end) {
    T *p = item.parameter, *average = item.state1, *square = item.state2, *most = item.state3;
    each_vector<T>(begin, end, [&](long i, auto lanes) NPT_LAMBDA {
      Vec<T> g = load_upto(item.gradient + i, lanes), value = load_upto(p + i, lanes);
      if (rule.maximize) g = -g;
      if (decay != 0) {
        if (rule.decoupled) value = rounded(value * shrink);
        else g = value * decay + g;
      }
      const Vec<T> old = load_upto(average + i, lanes), way = g - old;
      const Vec<T> m = near ? way * toward + old : way * (toward - T(1)) + g;
      const Vec<T> v = rounded(g * share2) * g + rounded(load_upto(square + i, lanes) * keep2);
      store_upto(average + i, lanes, m);
      store_upto(square + i, lanes, v);
      Vec<T> largest = v;
      if (most) {
        largest = vmax(load_upto(most + i, lanes), v);
        store_upto(most + i, lanes, largest);
      }
      const Vec<T> denominator = vsqrt(largest) / root2 + eps;
      store_upto(p + i, lanes, value + rounded(m * step) / denominator);
    });
  });
}

NPT_BOTH_TYPES(sgd_step)
NPT_BOTH_TYPES(adam_step)

}  // namespace nptorch::NPT_ISA

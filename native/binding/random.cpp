#include <cmath>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

// The state of a generator comes last: an array of its numbers, which are drawn from in place and so under Python's
// lock, or None where they are out of reach.
bool is_out_of_reach(const Call& call) { return call.count > 0 && call.values[call.count - 1] == Py_None; }

Array read_state(Arguments& in) {
  Array state = in.output("state", NPY_UINT32);
  in.expect_shape(state, "state", {Twister::WORDS + 1});
  in.expect(state.data<Twister>()->drawn <= Twister::WORDS, "state", "must end with how many of 624 words were drawn");
  return state;
}

PyObject* random_words(const Call& call) {
  if (is_out_of_reach(call)) return declined();
  Arguments in("random_words", call, 2);
  Array out = in.output("out", NPY_UINT32), state = read_state(in);
  kernels<float>().random_words(*state.data<Twister>(), out.size(), out.data<uint32_t>());
  Py_RETURN_NONE;
}

// The first argument, which is known to be a float array and is written.
Array read_out(Arguments& in, const Call& call) {
  return in.output("out", PyArray_TYPE(reinterpret_cast<PyArrayObject*>(call.values[0])));
}

PyObject* random_uniform(const Call& call) {
  if (is_out_of_reach(call)) return declined();
  Arguments in("random_uniform", call, 4);
  Array out = read_out(in, call);
  const double low = in.number("low"), high = in.number("high");
  Array state = read_state(in);
  with_scalar(out.type(), [&](auto zero) {
    using T = decltype(zero);
    kernels<T>().uniform(*state.data<Twister>(), out.size(), T(low), T(high), out.data<T>());
  });
  Py_RETURN_NONE;
}

PyObject* box_muller(const Call& call) {
  Arguments in("box_muller", call, 3);
  Array out = read_out(in, call);
  in.expect(out.size() % NORMAL_BLOCK == 0, "out", "must have a multiple of 16 numbers");
  const double mean = in.number("mean"), std = in.number("std");
  with_scalar(out.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(20.0 * double(out.size()));
    kernels<T>().box_muller(out.size(), T(mean), T(std), out.data<T>());
  });
  Py_RETURN_NONE;
}

PyObject* normal_pairs(const Call& call) {
  if (PyArray_TYPE(reinterpret_cast<PyArrayObject*>(call.values[0])) != NPY_DOUBLE) return declined();
  Arguments in("normal_pairs", call, 1);
  Array out = read_out(in, call);
  in.expect(out.size() % 2 == 0, "out", "must have an even number of elements");
  double* values = out.data<double>();
  for (long i = 0; i < out.size(); i += 2) {
    const double theta = 2.0 * M_PI * values[i], radius = std::sqrt(-2.0 * std::log1p(-values[i + 1]));
    values[i] = radius * std::cos(theta);
    values[i + 1] = radius * std::sin(theta);
  }
  Py_RETURN_NONE;
}

PyObject* shuffle(const Call& call) {
  Arguments in("shuffle", call, 2);
  Array order = in.output("order", NPY_INT64), words = in.integers(in.next("words"), "words", NPY_UINT32);
  const long n = order.size();
  in.expect(n <= UINT32_MAX && words.size() >= n - 1, "words", "must be one for each number of order but the last");
  Unlocked unlocked{double(n)};
  kernels<float>().shuffle(n, words.data<uint32_t>(), order.data<int64_t>());
  Py_RETURN_NONE;
}

}  // namespace

PyMethodDef random_functions[] = {
    NPT_METHOD(random_words, "random_words(out, state): the generator's next words, into a uint32 array."),
    NPT_KERNEL(random_uniform, 1, "random_uniform(out, low, high, state): numbers of [low, high), into out."),
    NPT_KERNEL(box_muller, 1, "box_muller(out, mean, std): each 16 uniform numbers of out become 16 normal ones."),
    NPT_KERNEL(normal_pairs, 1, "normal_pairs(out): each 2 uniform numbers of out become 2 normal ones; float64 only."),
    NPT_METHOD(shuffle, "shuffle(order, words): swaps order[i] with order[i + words[i] % (n - i)], from i = 0 on."),
    {}};

}  // namespace nptorch

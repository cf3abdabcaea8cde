#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

using Names = std::initializer_list<const char*>;

Parameters read_parameters(Arguments& in, Names names) {
  Parameters p;
  double* slots[] = {&p.a, &p.b, &p.c};
  size_t i = 0;
  for (const char* name : names) *slots[i++] = in.number(name);
  return p;
}

PyObject* run_unary(Unary f, const Array& x, const Parameters& p, Array y) {
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().unary(f, x.size(), x.data<T>(), p, y.data<T>());
  });
  return y.give();
}

PyObject* run_gradient(Gradient f, const Array& g, bool is_one, const Array& of, const Parameters& p) {
  if (g.shape() != of.shape()) return declined();
  Array gx = Array::create(of.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(of.size()));
    kernels<T>().gradient(f, of.size(), {g.data<T>(), is_one}, of.data<T>(), p, gx.data<T>());
  });
  return gx.give();
}

PyObject* activation(Unary f, const char* name, const Call& call, Names names) {
  Arguments in(name, call, 1 + Py_ssize_t(names.size()));
  Array x = in.floats("x");
  const Parameters p = read_parameters(in, names);
  return run_unary(f, x, p, Array::create(x.shape(), x.type()));
}

PyObject* derivative(Gradient f, const char* name, const Call& call, Names names) {
  Arguments in(name, call, 2 + Py_ssize_t(names.size()));
  bool is_one = false;
  Array g = in.incoming("g", &is_one), of = in.floats("of", Arguments::ANY, g.type());
  return run_gradient(f, g, is_one, of, read_parameters(in, names));
}

#define NPT_ACTIVATION(name, ...) \
  PyObject* name(const Call& call) { return activation(Unary::name, #name, call, {__VA_ARGS__}); }
#define NPT_DERIVATIVE(name, ...)                                              \
  PyObject* name##_backward(const Call& call) {                                \
    return derivative(Gradient::name, #name "_backward", call, {__VA_ARGS__}); \
  }
#define NPT_BOTH(name, ...) NPT_ACTIVATION(name, __VA_ARGS__) NPT_DERIVATIVE(name, __VA_ARGS__)

NPT_BOTH(leaky_relu, "slope")
NPT_BOTH(elu, "alpha", "scale", "input_scale")
NPT_BOTH(hardtanh, "low", "high")
NPT_BOTH(hardsigmoid)
NPT_BOTH(hardswish)
NPT_BOTH(softplus, "beta", "threshold")
NPT_BOTH(log_sigmoid)
NPT_BOTH(mish)
NPT_BOTH(sigmoid)
NPT_BOTH(tanh)
NPT_BOTH(silu)
NPT_ACTIVATION(exp)
NPT_DERIVATIVE(threshold)

PyObject* relu(const Call& call) {
  Arguments in("relu", call, 2);
  Array x = in.floats("x"), out = in.result_as(x);
  return out ? run_unary(Unary::relu, x, {}, std::move(out)) : declined();
}

PyObject* gelu(const Call& call) {
  Arguments in("gelu", call, 2);
  Array x = in.floats("x");
  return run_unary(in.boolean("approximate") ? Unary::gelu_tanh : Unary::gelu, x, {},
                   Array::create(x.shape(), x.type()));
}

PyObject* gelu_backward(const Call& call) {
  Arguments in("gelu_backward", call, 3);
  bool is_one = false;
  Array g = in.incoming("g", &is_one), x = in.floats("x", Arguments::ANY, g.type());
  return run_gradient(in.boolean("approximate") ? Gradient::gelu_tanh : Gradient::gelu, g, is_one, x, {});
}

}  // namespace

#define NPT_PAIR(name, parameters, documentation)                 \
  NPT_KERNEL(name, 1, #name "(x" parameters "): " documentation), \
      NPT_KERNEL(name##_backward, 2, #name "_backward(g, x" parameters ").")

PyMethodDef activation_functions[] = {
    NPT_KERNEL(relu, 1, "relu(x, out=None): into out, an array like x (x itself too), or a new one."),
    NPT_KERNEL(threshold_backward, 2, "threshold_backward(g, out): g where out is positive, else 0."),
    NPT_PAIR(leaky_relu, ", slope", "x where positive, else slope * x."),
    NPT_PAIR(elu, ", alpha, scale, input_scale",
             "scale * x where positive, else scale * alpha * (exp(input_scale * x) - 1)."),
    NPT_PAIR(hardtanh, ", low, high", "x limited to [low, high]."),
    NPT_PAIR(hardsigmoid, "", "x / 6 + 1 / 2 limited to [0, 1]."),
    NPT_PAIR(hardswish, "", "x * hardsigmoid(x)."),
    NPT_PAIR(softplus, ", beta, threshold", "log(1 + exp(beta * x)) / beta, x where beta * x is above threshold."),
    NPT_PAIR(log_sigmoid, "", "log(sigmoid(x))."),
    NPT_PAIR(mish, "", "x * tanh(softplus(x))."),
    NPT_PAIR(silu, "", "x * sigmoid(x)."),
    NPT_PAIR(gelu, ", approximate", "x times the normal distribution function, or what tanh approximates of it."),
    NPT_KERNEL(sigmoid, 1, "sigmoid(x)."),
    NPT_KERNEL(sigmoid_backward, 2, "sigmoid_backward(g, out)."),
    NPT_KERNEL(tanh, 1, "tanh(x)."),
    NPT_KERNEL(tanh_backward, 2, "tanh_backward(g, out)."),
    NPT_KERNEL(exp, 1, "exp(x)."),
    {}};

}  // namespace nptorch

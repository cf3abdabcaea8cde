#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

double read_parameter(Arguments& in, const char* parameter) { return parameter ? in.number(parameter) : 0; }

PyObject* loss(PairLoss f, const char* name, const Call& call, const char* parameter = nullptr) {
  Arguments in(name, call, parameter ? 3 : 2);
  Array x = in.floats("x"), target = in.floats("target", Arguments::ANY, x.type());
  if (x.shape() != target.shape()) return declined();
  const double value = read_parameter(in, parameter);
  Array y = Array::create(x.shape(), x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().pair_loss(f, x.size(), x.data<T>(), target.data<T>(), value, y.data<T>());
  });
  return y.give();
}

PyObject* derivative(PairLoss f, const char* name, const Call& call, const char* parameter = nullptr) {
  Arguments in(name, call, parameter ? 4 : 3);
  bool is_one = false;
  Array g = in.incoming("g", &is_one), x = in.floats("x", Arguments::ANY, g.type()),
        target = in.floats("target", Arguments::ANY, g.type());
  if (g.shape() != x.shape() || x.shape() != target.shape()) return declined();
  const double value = read_parameter(in, parameter);
  Array gx = Array::create(x.shape(), g.type());
  with_scalar(g.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(double(x.size()));
    kernels<T>().pair_gradient(f, x.size(), {g.data<T>(), is_one}, x.data<T>(), target.data<T>(), value, gx.data<T>());
  });
  return gx.give();
}

#define NPT_PAIR_LOSS(name, ...)                                                                \
  PyObject* name(const Call& call) { return loss(PairLoss::name, #name, call, ##__VA_ARGS__); } \
  PyObject* name##_backward(const Call& call) {                                                 \
    return derivative(PairLoss::name, #name "_backward", call, ##__VA_ARGS__);                  \
  }
NPT_PAIR_LOSS(mse_loss)
NPT_PAIR_LOSS(smooth_l1_loss, "beta")
NPT_PAIR_LOSS(binary_cross_entropy)
NPT_PAIR_LOSS(binary_cross_entropy_with_logits)

}  // namespace

#define NPT_PAIR(name, parameters, documentation)                         \
  NPT_KERNEL(name, 2, #name "(x, target" parameters "): " documentation), \
      NPT_KERNEL(name##_backward, 3, #name "_backward(g, x, target" parameters "): of x.")

PyMethodDef pair_loss_functions[] = {
    NPT_PAIR(mse_loss, "", "(x - target) squared."),
    NPT_PAIR(smooth_l1_loss, ", beta", "|x - target| - beta / 2, below beta (x - target)^2 / (2 beta)."),
    NPT_PAIR(binary_cross_entropy, "", "-(target log x + (1 - target) log(1 - x)), each log at least -100."),
    NPT_PAIR(binary_cross_entropy_with_logits, "", "the same of sigmoid(x), without overflow."),
    {}};

}  // namespace nptorch

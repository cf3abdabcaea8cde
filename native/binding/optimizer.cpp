#include <memory>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

// The lists of one step: parameters, gradients and up to three states, each a list of as many arrays, or None.
class StepLists {
 public:
  StepLists(Arguments& in, std::initializer_list<const char*> names) : in_(in) {
    for (const char* name : names) {
      const bool optional = lists_.size() >= 2;
      PyObject* list = in.list(name, optional);
      lists_.push_back({name, list});
      if (list) in.expect(PyList_GET_SIZE(lists_.back().list) == count(), name, "must have as many items as params");
    }
  }
  bool has(size_t k) const { return lists_[k].list != nullptr; }
  long count() const { return PyList_GET_SIZE(lists_[0].list); }

  // The scalar type of the first parameter; all arrays of a call have it.
  int type() const { return PyArray_TYPE(reinterpret_cast<PyArrayObject*>(PyList_GET_ITEM(lists_[0].list, 0))); }

  // Whether the kernel takes the case: arrays of the first one's float type, those that are written in C order.
  bool is_taken() const {
    if (count() == 0 || !is_float_array(PyList_GET_ITEM(lists_[0].list, 0))) return false;
    for (size_t k = 0; k < lists_.size(); k++)
      for (long i = 0; has(k) && i < count(); i++) {
        PyObject* item = PyList_GET_ITEM(lists_[k].list, i);
        if (!PyArray_Check(item) || PyArray_TYPE(reinterpret_cast<PyArrayObject*>(item)) != type()) return false;
        if (k != GRADIENTS && !can_be_written(item)) return false;
      }
    return true;
  }

  template <class T> std::vector<OptimizerItem<T>> items(int type) {
    std::vector<OptimizerItem<T>> items(count());
    for (long i = 0; i < count(); i++) {
      const Array& parameter = keep(in_.output_item(lists_[0].list, i, lists_[0].name, type));
      items[i].parameter = parameter.data<T>();
      items[i].size = parameter.size();
      items[i].gradient =
          like(parameter, keep(in_.floats_item(lists_[1].list, i, lists_[1].name, type)), lists_[1].name)
              .template data<T>();
      T** states[] = {&items[i].state1, &items[i].state2, &items[i].state3};
      for (size_t k = 2; k < lists_.size(); k++)
        if (has(k))
          *states[k - 2] =
              like(parameter, keep(in_.output_item(lists_[k].list, i, lists_[k].name, type)), lists_[k].name)
                  .template data<T>();
    }
    return items;
  }

 private:
  static constexpr size_t GRADIENTS = 1;
  struct Named {
    const char* name;
    PyObject* list;
  };
  const Array& keep(Array array) {
    kept_.push_back(std::make_unique<Array>(std::move(array)));
    return *kept_.back();
  }
  const Array& like(const Array& parameter, const Array& array, const char* name) const {
    in_.expect(array.shape() == parameter.shape(), name, "must have arrays of the shapes of params");
    return array;
  }

  Arguments& in_;
  std::vector<Named> lists_;
  std::vector<std::unique_ptr<Array>> kept_;  // the arrays live until the step is done
};

template <class Rule, class F> PyObject* run_step(StepLists& lists, const Rule& rule, F choose) {
  if (!lists.is_taken()) return declined();
  const int type = lists.type();
  with_scalar(type, [&](auto zero) {
    using T = decltype(zero);
    const std::vector<OptimizerItem<T>> items = lists.items<T>(type);
    double work = 0;
    for (const auto& item : items) work += double(item.size);
    Unlocked unlocked(work);
    choose(kernels<T>())(rule, items.data(), long(items.size()));
  });
  Py_RETURN_NONE;
}

PyObject* sgd_step(const Call& call) {
  Arguments in("sgd_step", call, 10);
  StepLists lists(in, {"params", "grads", "momentum_buffers"});
  SgdRule rule;
  rule.lr = in.number("lr");
  rule.momentum = in.number("momentum");
  rule.dampening = in.number("dampening");
  rule.weight_decay = in.number("weight_decay");
  rule.nesterov = in.boolean("nesterov");
  rule.maximize = in.boolean("maximize");
  rule.first = in.boolean("first");
  return run_step(lists, rule, [](const auto& k) { return k.sgd_step; });
}

PyObject* adam_step(const Call& call) {
  Arguments in("adam_step", call, 13);
  StepLists lists(in, {"params", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs"});
  AdamRule rule;
  rule.lr = in.number("lr");
  rule.beta1 = in.number("beta1");
  rule.beta2 = in.number("beta2");
  rule.eps = in.number("eps");
  rule.weight_decay = in.number("weight_decay");
  rule.decoupled = in.boolean("decoupled");
  rule.step = in.integer("step", 1, 1L << 53);
  rule.maximize = in.boolean("maximize");
  in.expect(lists.has(2) && lists.has(3), "exp_avgs", "and exp_avg_sqs must be lists");
  return run_step(lists, rule, [](const auto& k) { return k.adam_step; });
}

}  // namespace

PyMethodDef optimizer_functions[] = {
    NPT_METHOD(sgd_step,
               "sgd_step(params, grads, momentum_buffers or None, lr, momentum, dampening, weight_decay, nesterov, "
               "maximize, first)."),
    NPT_METHOD(
        adam_step,
        "adam_step(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs or None, lr, beta1, beta2, eps, weight_decay, "
        "decoupled, step, maximize)."),
    {}};

}  // namespace nptorch

// Reading and checking the arguments of a module function: nothing touches an array's memory before it passed here.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL nptorch_native_array_api
#if !defined(NPT_IMPORTS_NUMPY)
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include <initializer_list>
#include <utility>
#include <vector>

namespace nptorch {

// Thrown after a Python exception was set.
struct PythonError {};
[[noreturn]] void fail(PyObject* type, const char* format, ...) __attribute__((format(printf, 2, 3)));

// An owned reference to an ndarray.
class Array {
 public:
  Array() = default;
  explicit Array(PyObject* owned) : object_(owned) {}
  Array(Array&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Array() { Py_XDECREF(object_); }

  // A new uninitialised array in C order; its memory comes from the blocks that are kept for reuse.
  static Array create(const std::vector<long>& shape, int type);

  explicit operator bool() const { return object_ != nullptr; }
  int type() const { return PyArray_TYPE(array()); }
  int ndim() const { return PyArray_NDIM(array()); }
  long shape(int i) const { return PyArray_DIMS(array())[i]; }
  std::vector<long> shape() const { return std::vector<long>(PyArray_DIMS(array()), PyArray_DIMS(array()) + ndim()); }
  long size() const { return PyArray_SIZE(array()); }
  long stride(int i) const { return PyArray_STRIDES(array())[i] / PyArray_ITEMSIZE(array()); }  // in elements
  bool is_contiguous() const { return PyArray_IS_C_CONTIGUOUS(array()); }
  template <class T> T* data() const { return object_ ? static_cast<T*>(PyArray_DATA(array())) : nullptr; }
  PyArrayObject* array() const { return reinterpret_cast<PyArrayObject*>(object_); }
  PyObject* give() { return std::exchange(object_, nullptr); }

 private:
  PyObject* object_ = nullptr;
};

struct Pair {
  long first, second;
};

// What a function is called with: values in order, then named ones.
struct Call {
  PyObject* const* values;
  Py_ssize_t count;
  PyObject* names;  // a tuple, or null
  Py_ssize_t named() const { return names ? PyTuple_GET_SIZE(names) : 0; }
};

// The arguments of one call, given in order or by name; each is read once.
class Arguments {
 public:
  static constexpr int ANY = -1;

  Arguments(const char* function, const Call& call, Py_ssize_t most);

  // A float32 or float64 array in C order; one that lies otherwise is copied. `ndim` may be ANY; `type` as another's.
  Array floats(const char* name, int ndim = ANY, int type = ANY);
  Array optional_floats(const char* name, int ndim, int type);
  // The same, left with the strides it has (which are multiples of the item size).
  Array strided_floats(const char* name, int ndim = ANY, int type = ANY);
  // The gradient that arrives, of the shape of the values: floats(), but one number that is repeated (no stride along
  // any axis, as the gradient of a sum) is left so, and `is_one` says it.
  Array incoming(const char* name, bool* is_one);
  // A new array as x, or the last argument `out` if it was given; nothing if that one is not as x or not in C order.
  Array result_as(const Array& x);
  // floats() of what was read with next().
  Array as_floats(PyObject* value, const char* name) { return checked(value, name, ANY, ANY, false); }
  Array int64s(const char* name, int ndim = ANY) { return integers(next(name), name, NPY_INT64, ndim); }
  // An array of this integer type in C order, read with next() before the type was known.
  Array integers(PyObject* value, const char* name, int type, int ndim = ANY);
  Array bytes(const char* name);
  // An array that is written: C order, writable, of this type.
  Array output(const char* name, int type) { return writable(next(name), name, type); }

  long integer(const char* name, long least, long most);
  bool boolean(const char* name);
  double number(const char* name);
  double optional_number(const char* name, double fallback);  // fallback for None
  Pair pair(const char* name, long least);
  std::vector<long> sizes(const char* name, int count = ANY);
  PyObject* list(const char* name, bool optional);  // borrowed; null for None if optional
  // Item i of a list, as floats() and output() read an argument.
  Array floats_item(PyObject* list, long i, const char* name, int type) {
    return checked(PyList_GET_ITEM(list, i), name, ANY, type, false);
  }
  Array output_item(PyObject* list, long i, const char* name, int type) {
    return writable(PyList_GET_ITEM(list, i), name, type);
  }
  PyObject* next(const char* name);  // borrowed, unchecked
  // The same for a function's last argument; null for None or where it was not given.
  PyObject* optional(const char* name);

  const char* function() const { return function_; }
  void expect_shape(const Array& array, const char* name, const std::vector<long>& shape) const;
  void expect(bool condition, const char* name, const char* what) const;

 private:
  Array checked(PyObject* value, const char* name, int ndim, int type, bool strided);
  Array writable(PyObject* value, const char* name, int type);
  double number_of(PyObject* value, const char* name);
  PyObject* find(const char* name);  // null if it was not given

  const char* function_;
  const Call& call_;
  Py_ssize_t read_ = 0, name_ = 0;  // how many were read; where the next name is looked for first
};

// What can be asked without an error.
bool is_float_array(PyObject* value);  // float32 or float64
bool is_int64_array(PyObject* value);
bool can_be_written(PyObject* value);  // an array in C order

// Lets other Python threads run during work that is long enough for it (in elementary steps).
class Unlocked {
 public:
  explicit Unlocked(double work) : state_(work > 100000 ? PyEval_SaveThread() : nullptr) {}
  ~Unlocked() {
    if (state_) PyEval_RestoreThread(state_);
  }
  Unlocked(const Unlocked&) = delete;

 private:
  PyThreadState* state_;
};

// body(T()) with the scalar type of an array.
template <class F> void with_scalar(int type, F body) {
  if (type == NPY_FLOAT) body(float());
  else body(double());
}

// The function that Python calls: errors leave it as Python exceptions.
using Implementation = PyObject* (*)(const Call& call);
PyObject* guarded(Implementation implementation, const Call& call);
template <Implementation F> PyObject* entry(PyObject*, PyObject* const* values, Py_ssize_t count, PyObject* names) {
  return guarded(F, {values, count, names});
}

// A kernel that serves an operation. It takes the case if its first arguments are arrays of one float type that have
// elements, or None behind the first; what it does not take, it declines: the reference serves.
PyObject* declined();  // NotImplemented
bool is_taken(PyObject* const* values, Py_ssize_t count);
template <Implementation F, int Floats>
PyObject* kernel_entry(PyObject*, PyObject* const* values, Py_ssize_t count, PyObject* names) {
  if (count < Floats)
    return PyErr_Format(PyExc_TypeError, "a kernel takes its first %d arguments without names, got %zd", Floats, count);
  return is_taken(values, Floats) ? guarded(F, {values, count, names}) : declined();
}

#define NPT_ENTRY(name, function, documentation) \
  {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(function)), METH_FASTCALL | METH_KEYWORDS, documentation}
#define NPT_METHOD(name, documentation) NPT_ENTRY(#name, entry<name>, documentation)
#define NPT_KERNEL(name, floats, documentation) NPT_ENTRY(#name, (kernel_entry<name, floats>), documentation)

}  // namespace nptorch

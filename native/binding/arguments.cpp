#include "arguments.h"

#include <stdarg.h>
#include <stdio.h>

#include <new>
#include <string>

#include "memory_handler.h"

namespace nptorch {
namespace {

std::string text_of(const std::vector<long>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); i++) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

const char* type_name(int type) {
  PyArray_Descr* descr = PyArray_DescrFromType(type);
  const char* name = descr ? descr->typeobj->tp_name : "unknown";
  const char* dot = strrchr(name, '.');
  Py_XDECREF(descr);
  return dot ? dot + 1 : name;
}

bool is_plain(PyArrayObject* array) { return PyArray_ISALIGNED(array) && PyArray_ISNOTSWAPPED(array); }

bool has_whole_strides(PyArrayObject* array) {
  for (int i = 0; i < PyArray_NDIM(array); i++)
    if (PyArray_STRIDES(array)[i] % PyArray_ITEMSIZE(array)) return false;
  return true;
}

}  // namespace

void fail(PyObject* type, const char* format, ...) {
  char text[512];
  va_list values;
  va_start(values, format);
  vsnprintf(text, sizeof text, format, values);
  va_end(values);
  PyErr_SetString(type, text);
  throw PythonError();
}

Array Array::create(const std::vector<long>& shape, int type) {
  use_cached_memory();
  PyObject* made = PyArray_SimpleNew(int(shape.size()), const_cast<npy_intp*>(shape.data()), type);
  if (!made) throw PythonError();
  return Array(made);
}

Arguments::Arguments(const char* function, const Call& call, Py_ssize_t most) : function_(function), call_(call) {
  const Py_ssize_t given = call.count + call.named();
  if (given > most) fail(PyExc_TypeError, "%s() takes %zd arguments, got %zd", function, most, given);
}

PyObject* Arguments::find(const char* name) {
  if (read_ < call_.count) return call_.values[read_++];
  // Callers nearly always name the arguments in the order in which they are read.
  for (Py_ssize_t tried = 0; tried < call_.named(); tried++, name_++) {
    if (name_ == call_.named()) name_ = 0;
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(call_.names, name_), name) == 0) {
      read_++;
      return call_.values[call_.count + name_++];
    }
  }
  return nullptr;
}

PyObject* Arguments::next(const char* name) {
  PyObject* value = find(name);
  if (!value) fail(PyExc_TypeError, "%s() misses the argument %s", function_, name);
  return value;
}

PyObject* Arguments::optional(const char* name) {
  PyObject* value = find(name);
  if (!value && read_ < call_.count + call_.named())
    fail(PyExc_TypeError, "%s() has an argument %s, and none of a name that it was given", function_, name);
  return value == Py_None ? nullptr : value;
}

Array Arguments::checked(PyObject* value, const char* name, int ndim, int type, bool strided) {
  if (!PyArray_Check(value))
    fail(PyExc_TypeError, "%s(): %s must be a numpy array, got %s", function_, name, Py_TYPE(value)->tp_name);
  PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value);
  int own = PyArray_TYPE(array);
  if (own != NPY_FLOAT && own != NPY_DOUBLE)
    fail(PyExc_TypeError, "%s(): %s must be a float32 or float64 array, got %s", function_, name, type_name(own));
  if (type != ANY && own != type)
    fail(PyExc_TypeError, "%s(): %s must be a %s array as the arguments before it, got %s", function_, name,
         type_name(type), type_name(own));
  if (ndim != ANY && PyArray_NDIM(array) != ndim)
    fail(PyExc_ValueError, "%s(): %s must have %d dimensions, got shape %s", function_, name, ndim,
         text_of(std::vector<long>(PyArray_DIMS(array), PyArray_DIMS(array) + PyArray_NDIM(array))).c_str());
  if (is_plain(array) && (strided ? has_whole_strides(array) : PyArray_IS_C_CONTIGUOUS(array))) {
    Py_INCREF(value);
    return Array(value);
  }
  PyObject* copy = PyArray_FromArray(array, PyArray_DescrFromType(own),
                                     NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED);
  if (!copy) throw PythonError();
  return Array(copy);
}

Array Arguments::floats(const char* name, int ndim, int type) { return checked(next(name), name, ndim, type, false); }

Array Arguments::result_as(const Array& x) {
  PyObject* out = optional("out");
  if (!out) return Array::create(x.shape(), x.type());
  if (!can_be_written(out)) return {};
  Py_INCREF(out);
  Array given(out);
  if (given.type() != x.type() || given.shape() != x.shape()) return {};
  return given;
}

Array Arguments::incoming(const char* name, bool* is_one) {
  PyObject* value = next(name);
  if (is_float_array(value)) {
    PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value);
    *is_one = is_plain(array) && PyArray_SIZE(array) > 1;
    for (int i = 0; i < PyArray_NDIM(array); i++)
      *is_one = *is_one && (PyArray_STRIDES(array)[i] == 0 || PyArray_DIMS(array)[i] == 1);
  }
  return checked(value, name, ANY, ANY, *is_one);
}

Array Arguments::optional_floats(const char* name, int ndim, int type) {
  PyObject* value = next(name);
  return value == Py_None ? Array() : checked(value, name, ndim, type, false);
}

Array Arguments::strided_floats(const char* name, int ndim, int type) {
  return checked(next(name), name, ndim, type, true);
}

Array Arguments::integers(PyObject* value, const char* name, int type, int ndim) {
  if (!PyArray_Check(value))
    fail(PyExc_TypeError, "%s(): %s must be a numpy array, got %s", function_, name, Py_TYPE(value)->tp_name);
  PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value);
  const int own = PyArray_TYPE(array);
  if (!PyArray_EquivTypenums(own, type))
    fail(PyExc_TypeError, "%s(): %s must be an array of %s, got %s", function_, name, type_name(type), type_name(own));
  if (ndim != ANY && PyArray_NDIM(array) != ndim)
    fail(PyExc_ValueError, "%s(): %s must have %d dimensions, got %d", function_, name, ndim, PyArray_NDIM(array));
  PyObject* plain = PyArray_FromArray(array, PyArray_DescrFromType(type),
                                      NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | NPY_ARRAY_NOTSWAPPED);
  if (!plain) throw PythonError();
  return Array(plain);
}

Array Arguments::bytes(const char* name) {
  PyObject* value = next(name);
  if (!PyArray_Check(value) || PyArray_TYPE(reinterpret_cast<PyArrayObject*>(value)) != NPY_UINT8 ||
      !PyArray_IS_C_CONTIGUOUS(reinterpret_cast<PyArrayObject*>(value)))
    fail(PyExc_TypeError, "%s(): %s must be a uint8 array in C order", function_, name);
  Py_INCREF(value);
  return Array(value);
}

Array Arguments::writable(PyObject* value, const char* name, int type) {
  if (!PyArray_Check(value))
    fail(PyExc_TypeError, "%s(): %s must be a numpy array, got %s", function_, name, Py_TYPE(value)->tp_name);
  PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value);
  if (PyArray_TYPE(array) != type)
    fail(PyExc_TypeError, "%s(): %s must be a %s array, got %s", function_, name, type_name(type),
         type_name(PyArray_TYPE(array)));
  if (!can_be_written(value))
    fail(PyExc_ValueError, "%s(): %s is written in place and must be a writable array in C order", function_, name);
  Py_INCREF(value);
  return Array(value);
}

long Arguments::integer(const char* name, long least, long most) {
  PyObject* value = next(name);
  long number = PyLong_AsLong(value);
  if (number == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    fail(PyExc_TypeError, "%s(): %s must be an integer, got %s", function_, name, Py_TYPE(value)->tp_name);
  }
  if (number < least || number > most)
    fail(PyExc_ValueError, "%s(): %s must be from %ld to %ld, got %ld", function_, name, least, most, number);
  return number;
}

bool Arguments::boolean(const char* name) {
  PyObject* value = next(name);
  if (!PyBool_Check(value))
    fail(PyExc_TypeError, "%s(): %s must be True or False, got %s", function_, name, Py_TYPE(value)->tp_name);
  return value == Py_True;
}

double Arguments::number(const char* name) { return number_of(next(name), name); }

double Arguments::optional_number(const char* name, double fallback) {
  PyObject* value = next(name);
  return value == Py_None ? fallback : number_of(value, name);
}

double Arguments::number_of(PyObject* value, const char* name) {
  double number = PyFloat_AsDouble(value);
  if (number == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    fail(PyExc_TypeError, "%s(): %s must be a number, got %s", function_, name, Py_TYPE(value)->tp_name);
  }
  return number;
}

std::vector<long> Arguments::sizes(const char* name, int count) {
  PyObject* value = next(name);
  if (!PyTuple_Check(value))
    fail(PyExc_TypeError, "%s(): %s must be a tuple of integers, got %s", function_, name, Py_TYPE(value)->tp_name);
  if (count != ANY && PyTuple_GET_SIZE(value) != count)
    fail(PyExc_ValueError, "%s(): %s must have %d entries, got %zd", function_, name, count, PyTuple_GET_SIZE(value));
  std::vector<long> sizes;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); i++) {
    long size = PyLong_AsLong(PyTuple_GET_ITEM(value, i));
    if (PyErr_Occurred()) throw PythonError();
    if (size < 0 || size > (1L << 31))
      fail(PyExc_ValueError, "%s(): %s has the impossible entry %ld", function_, name, size);
    sizes.push_back(size);
  }
  return sizes;
}

Pair Arguments::pair(const char* name, long least) {
  std::vector<long> two = sizes(name, 2);
  if (two[0] < least || two[1] < least)
    fail(PyExc_ValueError, "%s(): %s must be at least %ld, got %s", function_, name, least, text_of(two).c_str());
  return {two[0], two[1]};
}

PyObject* Arguments::list(const char* name, bool optional) {
  PyObject* value = next(name);
  if (optional && value == Py_None) return nullptr;
  if (!PyList_Check(value))
    fail(PyExc_TypeError, "%s(): %s must be a list of arrays, got %s", function_, name, Py_TYPE(value)->tp_name);
  return value;
}

void Arguments::expect_shape(const Array& array, const char* name, const std::vector<long>& shape) const {
  if (array && array.shape() != shape)
    fail(PyExc_ValueError, "%s(): %s must have shape %s, got %s", function_, name, text_of(shape).c_str(),
         text_of(array.shape()).c_str());
}

void Arguments::expect(bool condition, const char* name, const char* what) const {
  if (!condition) fail(PyExc_ValueError, "%s(): %s %s", function_, name, what);
}

bool is_float_array(PyObject* value) {
  if (!PyArray_Check(value)) return false;
  const int type = PyArray_TYPE(reinterpret_cast<PyArrayObject*>(value));
  return type == NPY_FLOAT || type == NPY_DOUBLE;
}

bool is_int64_array(PyObject* value) {
  return PyArray_Check(value) &&
         PyArray_EquivTypenums(PyArray_TYPE(reinterpret_cast<PyArrayObject*>(value)), NPY_INT64);
}

bool can_be_written(PyObject* value) {
  if (!PyArray_Check(value)) return false;
  PyArrayObject* array = reinterpret_cast<PyArrayObject*>(value);
  return is_plain(array) && PyArray_IS_C_CONTIGUOUS(array) && PyArray_ISWRITEABLE(array);
}

PyObject* declined() { Py_RETURN_NOTIMPLEMENTED; }

bool is_taken(PyObject* const* values, Py_ssize_t count) {
  if (!is_float_array(values[0])) return false;
  const int type = PyArray_TYPE(reinterpret_cast<PyArrayObject*>(values[0]));
  for (Py_ssize_t i = 0; i < count; i++) {
    if (i > 0 && values[i] == Py_None) continue;
    if (!PyArray_Check(values[i])) return false;
    PyArrayObject* array = reinterpret_cast<PyArrayObject*>(values[i]);
    if (PyArray_TYPE(array) != type || PyArray_SIZE(array) == 0) return false;
  }
  return true;
}

PyObject* guarded(Implementation implementation, const Call& call) {
  try {
    return implementation(call);
  } catch (const PythonError&) {
    return nullptr;
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

void out_of_memory(size_t) { throw std::bad_alloc(); }

}  // namespace nptorch

#include <string.h>

#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

struct CellKind {
  const char* name;
  Cell cell;
  long gates, keeps;
};
constexpr CellKind CELLS[] = {{"LSTM", Cell::lstm, 4, 5},
                              {"GRU", Cell::gru, 3, 4},
                              {"RNN_TANH", Cell::rnn_tanh, 1, 1},
                              {"RNN_RELU", Cell::rnn_relu, 1, 1}};

// The parameters cell, sizes and reverse of a layer over x (rows, input).
Recurrence read_layer(Arguments& in, const Array& x, long hidden, std::vector<long>& sizes) {
  PyObject* name = in.next("cell");
  const CellKind* kind = nullptr;
  for (const CellKind& k : CELLS)
    if (PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, k.name) == 0) kind = &k;
  in.expect(kind, "cell", "must be 'LSTM', 'GRU', 'RNN_TANH' or 'RNN_RELU'");
  sizes = in.sizes("sizes");
  long sum = 0;
  for (size_t t = 0; t < sizes.size(); t++) {
    in.expect(t == 0 || sizes[t] <= sizes[t - 1], "sizes", "must not grow");
    sum += sizes[t];
  }
  in.expect(sum == x.shape(0), "sizes", "must be those of the steps of x");
  const bool reverse = in.boolean("reverse");
  return {kind->cell, reverse, long(sizes.size()), sum, sizes.data(), kind->gates, kind->keeps, x.shape(1), hidden};
}

double work_of(const Recurrence& s) { return double(s.rows) * s.gates * s.hidden * (s.hidden + s.input); }

// A copy to be written; zeros where nothing was given.
Array own(const Array& given, const std::vector<long>& shape, int type) {
  Array copy = Array::create(shape, type);
  const size_t bytes = copy.size() * PyArray_ITEMSIZE(copy.array());
  if (given) memcpy(copy.data<char>(), given.data<char>(), bytes);
  else memset(copy.data<char>(), 0, bytes);
  return copy;
}

PyObject* recurrent(const Call& call) {
  Arguments in("recurrent", call, 11);
  Array x = in.floats("x", 2), h0 = in.floats("h0", 2, x.type()), c0 = in.optional_floats("c0", 2, x.type()),
        w_ih = in.floats("w_ih", 2, x.type()), w_hh = in.floats("w_hh", 2, x.type()),
        b_ih = in.optional_floats("b_ih", 1, x.type()), b_hh = in.optional_floats("b_hh", 1, x.type());
  if (in.next("w_hr") != Py_None) return declined();
  std::vector<long> sizes;
  const long hidden = h0.shape(1);
  const Recurrence s = read_layer(in, x, hidden, sizes);
  const std::vector<long> states = {sizes[0], hidden};
  in.expect(bool(c0) == (s.cell == Cell::lstm), "c0", "is the first cell of an LSTM");
  in.expect_shape(h0, "h0", states);
  in.expect_shape(c0, "c0", states);
  in.expect_shape(w_ih, "w_ih", {s.gates * hidden, s.input});
  in.expect_shape(w_hh, "w_hh", {s.gates * hidden, hidden});
  in.expect_shape(b_ih, "b_ih", {s.gates * hidden});
  in.expect_shape(b_hh, "b_hh", {s.gates * hidden});
  Array h = own(h0, states, x.type()), c = own(c0, c0 ? states : std::vector<long>{0}, x.type()),
        out = Array::create({s.rows, hidden}, x.type()), before = Array::create({s.rows, hidden}, x.type()),
        kept = Array::create({s.keeps, s.rows, hidden}, x.type());
  with_scalar(x.type(), [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(work_of(s));
    kernels<T>().recurrent(s, x.data<T>(), {w_ih.data<T>(), w_hh.data<T>(), b_ih.data<T>(), b_hh.data<T>()},
                           h.data<T>(), c0 ? c.data<T>() : nullptr, out.data<T>(), before.data<T>(), kept.data<T>());
  });
  return Py_BuildValue("NNNNN", out.give(), h.give(), c.give(), before.give(), kept.give());
}

PyObject* recurrent_backward(const Call& call) {
  Arguments in("recurrent_backward", call, 12);
  Array x = in.floats("x", 2), w_ih = in.floats("w_ih", 2, x.type()), w_hh = in.floats("w_hh", 2, x.type()),
        before = in.floats("before", 2, x.type()), kept = in.floats("kept", 3, x.type()),
        g_out = in.optional_floats("g_out", 2, x.type()), g_h = in.optional_floats("g_h", 2, x.type()),
        g_c = in.optional_floats("g_c", 2, x.type());
  std::vector<long> sizes;
  const long hidden = before.shape(1);
  const Recurrence s = read_layer(in, x, hidden, sizes);
  const bool of_x = in.boolean("of_x"), has_cell = s.cell == Cell::lstm, parts_differ = s.cell == Cell::gru;
  const long width = s.gates * hidden;
  const std::vector<long> states = {sizes[0], hidden};
  in.expect_shape(w_ih, "w_ih", {width, s.input});
  in.expect_shape(w_hh, "w_hh", {width, hidden});
  in.expect_shape(before, "before", {s.rows, hidden});
  in.expect_shape(kept, "kept", {s.keeps, s.rows, hidden});
  in.expect_shape(g_out, "g_out", {s.rows, hidden});
  in.expect_shape(g_h, "g_h", states);
  in.expect_shape(g_c, "g_c", states);
  const int type = x.type();
  Array gh = own(g_h, states, type), gc = own(g_c, has_cell ? states : std::vector<long>{0}, type),
        gx = Array::create(of_x ? x.shape() : std::vector<long>{0}, type),
        gw_ih = Array::create({width, s.input}, type), gw_hh = Array::create({width, hidden}, type),
        gb_ih = Array::create({width}, type), gb_hh = Array::create({width}, type),
        input = Array::create({s.rows, width}, type),
        other = parts_differ ? Array::create({s.rows, width}, type) : Array();
  with_scalar(type, [&](auto zero) {
    using T = decltype(zero);
    Unlocked unlocked(3 * work_of(s));
    const auto& k = kernels<T>();
    T *g_input = input.data<T>(), *g_hidden = parts_differ ? other.data<T>() : g_input;
    k.recurrent_gradient(s, w_hh.data<T>(), g_out.data<T>(), before.data<T>(), kept.data<T>(), gh.data<T>(),
                         has_cell ? gc.data<T>() : nullptr, g_input, g_hidden);
    if (of_x) k.gemm({s.rows, s.input, width, {g_input, width, 1}, {w_ih.data<T>(), s.input, 1}, gx.data<T>()});
    k.gemm({width, s.input, s.rows, {g_input, 1, width}, {x.data<T>(), s.input, 1}, gw_ih.data<T>()});
    k.gemm({width, hidden, s.rows, {g_hidden, 1, width}, {before.data<T>(), hidden, 1}, gw_hh.data<T>()});
    k.sum({1, s.rows, width, 1}, g_input, gb_ih.data<T>());
    if (parts_differ) k.sum({1, s.rows, width, 1}, g_hidden, gb_hh.data<T>());
    else memcpy(gb_hh.data<T>(), gb_ih.data<T>(), width * sizeof(T));
  });
  return Py_BuildValue("NNNNNNN", gx.give(), gh.give(), gc.give(), gw_ih.give(), gw_hh.give(), gb_ih.give(),
                       gb_hh.give());
}

}  // namespace

PyMethodDef recurrent_functions[] = {
    NPT_KERNEL(recurrent, 8,
               "recurrent(x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr, cell, sizes, reverse) -> (out, h, c, before, kept); "
               "of the last two, what the gradient needs."),
    NPT_KERNEL(recurrent_backward, 8,
               "recurrent_backward(x, w_ih, w_hh, before, kept, g_out, g_h, g_c, cell, sizes, reverse, of_x) -> the "
               "gradients of x, h0, c0, w_ih, w_hh, b_ih and b_hh; that of x if of_x."),
    {}};

}  // namespace nptorch

// A step of an LSTM over `rows` sequences: the gates of a row lie one after the other (input, forget, cell, output).
#include "kernels.h"
#include "scratch.h"
#include "vector_math.h"

namespace nptorch::NPT_ISA {
namespace {

// body(row, i, lanes) for every vector of rows x size numbers.
template <class T, class F> NPT_INLINE void each_cell(long rows, long size, F body) {
  const long tasks = smaller(rows, tasks_for(4 * rows * size));
  parallel_for(tasks, [&](long t) {
    for (long r = cut(rows, tasks, t); r < cut(rows, tasks, t + 1); r++)
      each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA { body(r, i, lanes); });
  });
}

}  // namespace

// kept (5, rows, size): the four gates, and tanh of the new cell.
template <class T>
void lstm_step(long rows, long size, const T* x, const T* own, const T* cell, T* hidden, T* new_cell, T* kept) {
  each_cell<T>(rows, size, [=](long r, long i, auto lanes) NPT_LAMBDA {
    const long at = r * size + i, layer = rows * size;
    auto gate = [=](long k) NPT_LAMBDA {
      const long from = (r * 4 + k) * size + i;
      return load_upto(x + from, lanes) + load_upto(own + from, lanes);
    };
    const Vec<T> input = vsigmoid(gate(0)), forget = vsigmoid(gate(1)), offered = vtanh(gate(2)),
                 output = vsigmoid(gate(3));
    const Vec<T> now = forget * load_upto(cell + at, lanes) + input * offered, squashed = vtanh(now);
    store_upto(new_cell + at, lanes, now);
    store_upto(hidden + at, lanes, output * squashed);
    store_upto(kept + at, lanes, input);
    store_upto(kept + at + layer, lanes, forget);
    store_upto(kept + at + 2 * layer, lanes, offered);
    store_upto(kept + at + 3 * layer, lanes, output);
    store_upto(kept + at + 4 * layer, lanes, squashed);
  });
}

// From the gradients of the hidden state and of the new cell: those of the gates and of the cell before.
template <class T>
void lstm_gradient(long rows, long size, const T* gh, const T* gnew, const T* cell, const T* kept, T* gx, T* gcell) {
  each_cell<T>(rows, size, [=](long r, long i, auto lanes) NPT_LAMBDA {
    const long at = r * size + i, layer = rows * size;
    auto value = [=](long k) NPT_LAMBDA { return load_upto(kept + at + k * layer, lanes); };
    const Vec<T> input = value(0), forget = value(1), offered = value(2), output = value(3), squashed = value(4),
                 g = load_upto(gh + at, lanes);
    const Vec<T> gc = load_upto(gnew + at, lanes) + g * output * (1 - squashed * squashed);
    auto put = [=](long k, Vec<T> v) NPT_LAMBDA { store_upto(gx + (r * 4 + k) * size + i, lanes, v); };
    put(0, gc * offered * (input * (1 - input)));
    put(1, gc * load_upto(cell + at, lanes) * (forget * (1 - forget)));
    put(2, gc * input * (1 - offered * offered));
    put(3, g * squashed * (output * (1 - output)));
    store_upto(gcell + at, lanes, gc * forget);
  });
}

NPT_BOTH_TYPES(lstm_step)
NPT_BOTH_TYPES(lstm_gradient)

}  // namespace nptorch::NPT_ISA
